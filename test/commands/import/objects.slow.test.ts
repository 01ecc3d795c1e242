import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readConfig } from '../../../base/config.ts';
import { ObjectStore } from '../../../base/objects/object-store.ts';
import { startSeaweedFs, withoutSeaweedFs } from '../../harness/seaweedfs.ts';
import { sluice, withPipeline } from '../verify/pipeline.ts';

const SEVEN = '6f1d1c5e-52a5-4a57-9d3e-0a7c2f6d4b01';

test.skipIf(withoutSeaweedFs)('a bucket with mapping and measurements is imported once', async () => {
  await using server = await startSeaweedFs();
  const { ARCHIVE_URL, ...settings } = await server.settings();
  const bucket = ARCHIVE_URL.replace(/(s3:\/\/[^/]+).*/, '$1');
  using store = await ObjectStore.open(readConfig({ ...settings }), bucket);
  const put = (key: string, text: string | Buffer) =>
    store.writeBytes(key, Buffer.from(text as string), { ifNoneMatch: '*' });
  await put('data/mapping.csv', `sensor_name,sensor_uuid\nsensor_00007,${SEVEN}\n`);
  await put('data/a/1.csv', `sensor_uuid,timestamp,sensor_value\n${SEVEN},2012-12-31T23:00:00+00,1.5\n`);
  await put('data/a/2.jsonl.gz', gzipSync('{"sensor":"sensor_00007","time":1356994860,"value":4}\n'));
  await put('data/a/3.parquet', readFileSync(join(import.meta.dirname, 'parquet/snappy-us-utc.parquet')));
  await put('data/a/_SUCCESS', 'nothing');
  await put('data-of-others/1.csv', 'not ours');

  await withPipeline(async pipeline => {
    const env = { ...pipeline.env, ...settings };
    const run = (...more: string[]) =>
      sluice(['import', `${bucket}/data`, '--sensors', `${bucket}/data/mapping.csv`, ...more], env);
    const first = await run();
    expect(first.stdout.replaceAll(`${bucket}/data/`, '').split('\n').slice(0, 5)).toEqual([
      'a/1.csv: 1 row recorded',
      'a/2.jsonl.gz: 1 row recorded',
      'a/3.parquet: 5 rows recorded, 1 row rejected',
      expect.stringContaining('line 6: value is missing'),
      '1 other file left alone: their names are none of measurements.',
    ]);
    expect(first.stdout).toContain('Loaded: 7 stored, 0 there already');
    const again = await run('--json');
    expect([again.code, JSON.parse(again.stdout)]).toMatchObject([0, { recorded: 0, before: 8 }]);
    expect((await pipeline.verify()).ok).toBe(true);

    const missing = await sluice(['import', `${bucket}/nothing`], env);
    expect([missing.code, missing.stderr]).toEqual([
      2,
      `sluice: There is no object ${bucket}/nothing, and none below it.\n`,
    ]);
  });
});
