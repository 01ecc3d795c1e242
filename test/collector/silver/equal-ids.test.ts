import { expect, test } from 'vitest';
import { writeEnvelope } from '../../../collector/payload/envelope.ts';
import { readTopics } from '../../../collector/payload/topics-file.ts';
import { reading, withPipeline } from '../../commands/verify/pipeline.ts';

const YAML = `topics:
  - { filter: sensors/# }
  - { filter: "{floor}/temperature", format: number, sensor: temperature, unit: °C }
  - { filter: "{floor}/all", format: json, sensor: "{path}", time: t, except: [t] }
`;
const NOON = Date.UTC(2025, 10, 12, 12) * 1000;

test('equal ids on two topics are one sensor: each reading once, what differs at one time a conflict', async () => {
  await withPipeline(async pipeline => {
    pipeline.topics = readTopics(YAML, { zone: 'UTC' });
    const message = (topic: string, payload: string, after: number) => {
      const line = writeEnvelope({ arrival: NOON + after, topic, payload: Buffer.from(payload) });
      pipeline.write(`2025-11-12_@${topic.replace('/', '%2F')}.jsonl`, `${line}\n`);
    };
    // Arrivals of all topics strictly increase.
    message('attic/temperature', '21', 0);
    await pipeline.load();
    message('cellar/temperature', '12', 1);
    const own = (temperature: number) => JSON.stringify({ t: '2025-11-12T11:00:00Z', temperature });
    message('attic/all', own(20), 2);
    await pipeline.load();
    message('cellar/all', own(11), 3);
    pipeline.record(reading('temperature', '2025-11-12T11:00:00Z', 20));
    await pipeline.load();
    await pipeline.refresh();
    const { database } = pipeline;
    expect(
      await database.query('SELECT sensor_id, value FROM silver.sensor_reading ORDER BY time, value'),
    ).toEqual([20, 21, 12].map(value => ({ sensor_id: 'temperature', value })));
    expect(
      await database.query('SELECT stored_value, conflicting_value FROM silver.conflicting_reading'),
    ).toEqual([{ stored_value: 20, conflicting_value: 11 }]);
    expect(
      await database.query("SELECT topic, unit FROM silver.sensor WHERE sensor_id = 'temperature'"),
    ).toEqual([{ topic: 'attic/temperature', unit: '°C' }]);
    expect(await pipeline.verify()).toMatchObject({ ok: true });
  });
});
