import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeEnvelope } from '../../../collector/payload/envelope.ts';
import { readTopics } from '../../../collector/payload/topics-file.ts';
import { withStorehouse } from '../../collector/retention/archive/storehouse.ts';
import { withDatabase } from '../../harness/database.ts';
import { type SeaweedFs, startSeaweedFs, withoutSeaweedFs } from '../../harness/seaweedfs.ts';
import { temporaryFolder } from '../../harness/server.ts';
import { Pipeline, reading } from '../verify/pipeline.ts';

const YAML = 'topics:\n  - filter: plug\n    format: number\n    sensor: plug\n';
const MIDNIGHT = Date.UTC(2025, 10, 12) * 1000;

/** A message of the topic `plug`, so many seconds after midnight. */
const message = (second: number, packetId: number, value: string, dup = false) =>
  `${writeEnvelope({
    arrival: MIDNIGHT + second * 1e6,
    topic: 'plug',
    payload: Buffer.from(value),
    qos: 1,
    packetId,
    session: 's',
    ...(dup ? { dup } : {}),
  })}\n`;

describe.skipIf(withoutSeaweedFs)('kinds of raw files in the archive', () => {
  let server: SeaweedFs;
  beforeAll(async () => {
    server = await startSeaweedFs();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  test('files of topics: what the broker sent again after midnight is known from the file of the day before', async () => {
    await withStorehouse(server, async (storehouse, house) => {
      const { pipeline } = house;
      pipeline.topics = readTopics(YAML, { zone: 'UTC' });
      pipeline.write('2025-11-11_@plug.jsonl', message(-3, 1, '20') + message(-2, 2, '21'));
      pipeline.write('2025-11-12_@plug.jsonl', message(1, 2, '21', true) + message(2, 3, '22'));
      await house.load();
      await house.compress('2025-11-13');
      await storehouse.archive();
      const rows = (one: Pipeline) =>
        one.database.query('SELECT time, value, late FROM silver.sensor_reading ORDER BY time');
      const before = await rows(pipeline);
      expect(before).toHaveLength(3);
      await using folder = await temporaryFolder();
      await writeFile(join(folder.path, 'topics.yaml'), YAML);
      await withDatabase(async database => {
        const other = new Pipeline(folder.path, '', database);
        const env = { ...other.env, ...storehouse.settings, TOPICS_FILE: join(folder.path, 'topics.yaml') };
        const replay = (date: string) =>
          storehouse.sluice(other, ['replay', '--from-archive', '--date', date], env);
        const { code, stderr } = await replay('2025-11-12');
        expect(code, stderr).toBe(0);
        // The first of them is that of the day before.
        expect(await rows(other)).toEqual(before.slice(1));
        expect((await replay('2025-11-11')).code).toBe(0);
        expect(await rows(other)).toEqual(before);
      });
    });
  });

  test('files of hours are copied when their hour is over, compressed or not', async () => {
    await withStorehouse(server, async (storehouse, house) => {
      const { pipeline } = house;
      const name = `2025-11-12T10_@@${pipeline.collector}.jsonl`;
      pipeline.write(
        name,
        [1, 2].map(n => `${reading(`Sensor ${n}`, `2025-11-12T10:0${n}:00Z`, n)}\n`).join(''),
      );
      await house.load();
      const hour = Date.UTC(2025, 10, 12, 11);
      expect((await storehouse.archive({}, hour)).counts).toMatchObject({ files: 0, waitingFiles: 0 });
      expect((await storehouse.archive({}, hour + 601_000)).counts).toMatchObject({ files: 1 });
      expect(await house.names()).toEqual([name]);
      expect((await storehouse.keys())[0]).toMatch(
        /^date=2025-11-12\/collector=[^/]+\/2025-11-12T10_@@.*\.jsonl\.gz$/,
      );
      await pipeline.database.query('DELETE FROM silver.sensor_reading');
      const { code, stderr } = await storehouse.sluice(pipeline, ['replay', '--from-archive']);
      expect(code, stderr).toBe(0);
      expect(await pipeline.database.query('SELECT FROM silver.sensor_reading')).toHaveLength(2);
    });
  });
});
