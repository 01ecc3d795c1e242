import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../base/config.ts';
import { readConfiguredFiles } from '../../collector/configured-files.ts';
import { Feedback } from '../../collector/payload/feedback.ts';
import { FileMemory } from '../../collector/payload/memory.ts';
import { temporaryFolder } from '../harness/server.ts';

test('the mistakes of all files that settings name come at once', async () => {
  await using folder = await temporaryFolder();
  const file = (name: string) => join(folder.path, name);
  await writeFile(file('topics.yaml'), 'topics:\n  - filter: a/#/b\n');
  const config = readConfig({
    SENSORS_FILE: file('none.csv'),
    HTTP_TOKENS_FILE: file('tokens'),
    TOPICS_FILE: file('topics.yaml'),
    OUTLETS_FILE: file('outlets.yaml'),
    ALERTS_FILE: file('alerts.yaml'),
  });
  const reading = readConfiguredFiles(config, new FileMemory(file('formats.jsonl')), new Feedback());
  const message = await reading.then(
    () => '',
    (error: Error) => error.message,
  );
  for (const named of ['none.csv', 'tokens', 'topics.yaml:2', 'outlets.yaml', 'alerts.yaml'])
    expect(message).toContain(named);
});
