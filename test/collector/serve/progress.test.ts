import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withDatabase } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { configFor, startCollector } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';
import { post } from './collecting.ts';

const MQTT_URL = 'mqtt://127.0.0.1:1';

test('what is recorded and not stored is pending, at every moment', async () => {
  await using folder = await temporaryFolder();
  const env = { MQTT_URL, DATABASE_URL: 'postgresql://127.0.0.1:1/none', DATA_DIR: folder.path };
  await using running = await startCollector(configFor(env));
  for (let n = 1; n <= 20; n++) {
    await post(`${running.http}/data?wait=recorded`, `${1_649_941_817 + n} Hall 1\n`, 'text/plain');
    const text = await readFile(join(folder.path, 'raw', '2022-04-14_Hall.jsonl'));
    expect(running.collector.progress).toMatchObject({ recorded: n, stored: 0, pendingBytes: text.length });
  }
});

test('the status has every message in one of its numbers', async () => {
  await withDatabase(async database => {
    await using folder = await temporaryFolder();
    const env = { MQTT_URL, DATABASE_URL: database.url, DATA_DIR: folder.path, HTTP_RATE_LIMIT: '0' };
    await using running = await startCollector(configFor(env));
    for (const value of [1, 1, 2, 1]) {
      await post(`${running.http}/data?wait=recorded`, `1649941817 Hall ${value}\n`, 'text/plain');
    }
    await eventually(async () => {
      const status = await (await fetch(`${running.http}/api/v1/status`)).json();
      expect(status).toMatchObject({ recorded: 4, stored: 1, duplicates: 2, conflicts: 1, refused: 0 });
    });
  });
});
