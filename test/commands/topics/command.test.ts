import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../harness/server.ts';
import { sluice } from '../verify/pipeline.ts';

test('what MQTT_TOPICS says, one a line', async () => {
  expect(await sluice(['topics'], {})).toEqual({ code: 0, stdout: 'sensors/#\n', stderr: '' });
  const { stdout } = await sluice(['topics'], { MQTT_TOPICS: 'a/#, b/+/c' });
  expect(stdout).toBe('a/#\nb/+/c\n');
});

test('what the topics file subscribes to, with wildcards for names, and without what it ignores', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'topics.yaml');
  const entries = [
    'filter: zigbee2mqtt/bridge/#, ignore: true',
    'filter: "meters/{device}/{rest#}", format: number',
  ];
  writeFileSync(
    file,
    `topics:\n${entries.map(entry => `  - { ${entry} }\n`).join('')}  - filter: sensors/#\n`,
  );
  expect(await sluice(['topics'], { TOPICS_FILE: file })).toEqual({
    code: 0,
    stdout: 'meters/+/#\nsensors/#\n',
    stderr: '',
  });
});

test('a topics file that is wrong ends with 2, and nothing is printed that a broker could be given', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'topics.yaml');
  writeFileSync(file, 'topics:\n  - filter: a/#/b\n');
  const { code, stdout, stderr } = await sluice(['topics'], { TOPICS_FILE: file });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('topics.yaml:2:');
});
