import { expect } from 'vitest';
import { writeEnvelope } from '../../collector/payload/envelope.ts';
import { readTopics } from '../../collector/payload/topics-file.ts';
import { type Pipeline, reading } from '../commands/verify/pipeline.ts';
import type { TestDatabase } from '../harness/database.ts';
import type { SeaweedFs } from '../harness/seaweedfs.ts';
import { type Lakehouse, withLakehouse } from './lakehouse.ts';

/*
 * Two collectors that have everything which may make a lake say something else than PostgreSQL. Each oddity has a name, for the
 * test that looks whether it is there.
 */

export const DAY = '2025-11-12';
const MIDNIGHT = Date.UTC(2025, 10, 12);

/** A time of the day, by its second. */
const at = (second: number) => new Date(MIDNIGHT + second * 1000).toISOString();

/** Readings of a sensor, one a second from a second on. */
function series(id: string, from: number, count: number, valueAt: (index: number) => number): string[] {
  return Array.from({ length: count }, (_, index) => reading(id, at(from + index), valueAt(index)));
}

/** The topics file, which takes these measurements of a device. */
const topicsOf = (values: string) =>
  readTopics(
    `topics: [{ filter: "plug/{device}", format: json, sensor: "{device}/{path}", values: [${values}] }]`,
    {
      zone: 'UTC',
    },
  );

/** A message of a device, which has no time of its own. */
function message(second: number, packetId: number, payload: object, dup = false): string {
  return `${writeEnvelope({
    arrival: (MIDNIGHT + second * 1000) * 1000,
    topic: 'plug/1',
    payload: Buffer.from(JSON.stringify(payload)),
    qos: 1,
    packetId,
    session: 's',
    ...(dup ? { dup } : {}),
  })}\n`;
}

/** Records for two collectors; the first is to be loaded first. */
function recordOddities(first: Pipeline, second: Pipeline): void {
  // Sums whose last bit hangs on their order.
  first.record(...series('Sensor 1', 36_000, 130, index => 20 + Math.sin(index) / 3));
  // Both collectors have these: equal ones, and some with another value.
  first.record(...series('Sensor 2', 36_000, 90, index => 20 + index / 7));
  second.record(
    ...series('Sensor 2', 36_030, 90, index => 20 + (index + 30 + (index % 20 === 0 ? 1 : 0)) / 7),
  );
  // Twice in one file: a duplicate, and a conflict.
  first.record(
    reading('Sensor 3', at(36_000), 21),
    reading('Sensor 3', at(36_000), 21),
    reading('Sensor 3', at(36_000), 22),
  );
  // Late: an old one after a new one. The other collector has it in time, and comes second.
  first.record(reading('Sensor 4', at(40_000), 20), reading('Sensor 4', at(36_000), 20.5));
  second.record(reading('Sensor 4', at(36_000), 20.5), reading('Sensor 4', at(36_001), 20.6));
  // Out of range, and jumping back.
  first.record(...series('Sensor 5', 36_000, 60, index => (index === 30 ? 99 : 20)));
  // Stuck: one value for longer than five minutes; then silence, of which readings are expected.
  first.record(...series('Sensor 5', 37_000, 400, () => 21));
  // Not registered.
  second.record(...series('unheard of, "quoted" | ü', 36_000, 70, index => index / 3));
  // Values at the edges of a double, and microseconds.
  const edges = [1e200, -1.5e200, 1e-310, 5e-324, 1.7976931348623157e308, 0.1, -0, 2 ** 53, 123456.789e3];
  for (const [index, value] of edges.entries()) {
    first.record(JSON.stringify({ id: 'edge', dt: `2025-11-12T10:00:00.00000${index}Z`, value }));
    first.record(JSON.stringify({ id: 'edge', dt: `2025-11-12T1${index % 3}:0${index}:00Z`, value }));
  }
  first.record('{"id": "edge", "dt": "2025-11-12T10:30:00Z", "value": -0.0}');
  first.record('{"id": "edge", "dt": "2025-11-12T10:31:00Z", "value": 9007199254740993}');
  // Not a number, and no reading at all.
  first.record(reading('Sensor 1', at(36_010.5), 'warm'));
  first.write(`${DAY}_Sensor_1.jsonl`, '{"id": "Sensor 1", "dt": "never"}\nnot JSON\n');
  // The next day, and the one before.
  first.record(
    ...series('Sensor 1', 86_390, 20, index => index),
    ...series('Sensor 1', -10, 9, index => index),
  );
  // A file of an hour, of many sensors, one of which was late.
  const hour = `${DAY}T11_@@${second.collector}.jsonl`;
  second.write(
    hour,
    [...series('Sensor 1', 39_600, 30, index => index / 9), ...series('hourly', 39_600, 30, index => index)]
      .map(line => `${line}\n`)
      .join(''),
  );
  second.write(
    hour.replace('.jsonl', '.late'),
    `{"from":0,"newest":"2025-11-12T12:00:00Z","sensor":"hourly"}\n`,
  );
  // Messages of a topic: one sent again after its acknowledgement was lost, some of the day before.
  const topic = '_@plug%2F1.jsonl';
  first.write(
    `2025-11-11${topic}`,
    message(-2, 1, { power: 5, volt: 230 }) + message(-1, 2, { power: 6, volt: 231 }),
  );
  first.write(
    `${DAY}${topic}`,
    message(0.5, 2, { power: 6, volt: 231 }, true) +
      message(3, 3, { power: [1, 2], volt: 'low' }) +
      message(4, 4, { on: true }),
  );
}

/** Lends a lakehouse of two collectors that have every oddity, loaded one after the other; nothing is archived yet. */
export async function withOddities(
  server: SeaweedFs,
  use: (house: Lakehouse, first: Pipeline, second: Pipeline) => Promise<void>,
): Promise<void> {
  await withLakehouse(server, async house => {
    const first = await house.collector('first');
    const second = await house.collector('second');
    first.topics = topicsOf('power');
    await first.upsertRegistry();
    recordOddities(first, second);
    await first.load();
    await second.load();
    await first.refresh();
    await use(house, first, second);
  });
}

/** That PostgreSQL has every oddity: a test of nothing would pass. */
export async function expectOddities(database: TestDatabase): Promise<void> {
  const [found] = await database.query(
    `SELECT count(*) FILTER (WHERE late) > 0 AS late, count(*) FILTER (WHERE stuck) > 0 AS stuck,
       count(*) FILTER (WHERE jump) > 0 AS jump, count(*) FILTER (WHERE inexact) > 0 AS inexact,
       count(*) FILTER (WHERE quality = 'out_of_range') > 0 AS out_of_range,
       count(*) FILTER (WHERE quality = 'unknown_sensor') > 0 AS unknown,
       count(*) FILTER (WHERE abs(value) > 1e150) > 0 AS huge, count(*) FILTER (WHERE value <> 0 AND abs(value) < 1e-307) > 0 AS tiny,
       (SELECT count(DISTINCT collector) FROM silver.conflicting_reading) = 2 AS conflicts,
       (SELECT sum(n) FROM silver.duplicate_minute) > 50 AS duplicates,
       (SELECT count(*) FROM silver.rejected_line WHERE reading = 0) > 0 AS rejected,
       (SELECT count(*) FROM silver.rejected_line WHERE reading > 0) > 0 AS refused,
       (SELECT count(*) FROM gold.data_quality_1min WHERE expected > 0 AND valid < expected) > 0 AS missed,
       (SELECT count(*) FROM silver.sensor_reading WHERE sensor_id = '1/power') = 2 AS redelivered
     FROM silver.sensor_reading`,
  );
  expect(Object.entries(found).filter(([, isThere]) => isThere !== true)).toEqual([]);
}

/** Late readings, a new day, another topics file, another registry. */
export async function changeEverything(
  { database }: Lakehouse,
  first: Pipeline,
  second: Pipeline,
): Promise<void> {
  first.record(
    ...series('Sensor 1', 36_040, 3, index => 30 + index),
    ...series('Sensor 1', 3 * 86_400, 5, index => index),
  );
  second.record(...series('Sensor 2', 50_000, 5, index => index));
  await first.load();
  await second.load();
  first.topics = topicsOf('volt');
  await first.replay([], { prune: true, others: [second] });
  await database.query("UPDATE silver.sensor SET max_value = 100 WHERE sensor_id = 'Sensor 5'");
  await database.query("INSERT INTO silver.sensor (sensor_id) VALUES ('edge')");
  const { code, stderr } = await second.sluice(['replay', '--reclassify']);
  expect(code, stderr).toBe(0);
  await first.refresh();
}
