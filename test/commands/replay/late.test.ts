import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TcpProxy } from '../../faults/proxy.ts';
import { withDatabase } from '../../harness/database.ts';
import { Pipeline, reading, withPipeline } from '../verify/pipeline.ts';
import { collect } from './collecting.ts';

const MIDNIGHT = Date.UTC(2025, 10, 12);
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const YEAR = 365 * 24 * HOUR;
const now = () => MIDNIGHT + 12 * HOUR * 1000;
const SENSORS = ['Sensor 1', 'Sensor 2', 'new one'];

/** Readings in the order of receipt, and which of them must be late. */
class Stream {
  readonly expected: { time: string; sensor_id: string; late: boolean }[] = [];
  readonly #newest = new Map<string, number>();

  /** Readings of each sensor, in seconds from midnight. */
  of(...seconds: number[]): string[] {
    return seconds.flatMap(second => SENSORS.map(sensor => this.#reading(sensor, second)));
  }

  #reading(sensor: string, second: number): string {
    const newest = this.#newest.get(sensor) ?? second;
    const time = new Date(MIDNIGHT + second * 1000).toISOString();
    this.expected.push({ time, sensor_id: sensor, late: newest - second > 5 * MINUTE });
    this.#newest.set(sensor, Math.max(newest, second));
    return reading(sensor, time, second % 40);
  }

  /** As `rowsOf` gives them. */
  get rows() {
    const key = (row: { time: string; sensor_id: string }) => `${row.sensor_id} ${row.time}`;
    return this.expected.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  }
}

const rowsOf = async ({ database }: Pipeline) =>
  (await database.query('SELECT * FROM silver.sensor_reading ORDER BY sensor_id COLLATE "C", time')).map(
    ({ time, ...rest }) => ({ time: (time as Date).toISOString(), ...rest }),
  );

test.each([
  ['sensor', 'sensor'],
  ['hour', 'hour'],
  ['sensor', 'hour'],
  ['hour', 'sensor'],
] as const)(
  'late is late however the readings were loaded: live, after outages and restarts, and replayed from the files alone, of %s and then %s',
  async (before, after) => {
    await withPipeline(async pipeline => {
      const stream = new Stream();
      const database = new URL(pipeline.env.DATABASE_URL!);
      await using proxy = await TcpProxy.start(Number(database.port));
      database.port = String(proxy.port);
      const under = { dataDir: pipeline.dataDir, env: { ...pipeline.env, DATABASE_URL: database.href } };
      {
        await using live = await collect(under, now, before);
        // Within a file, in groups of many and of few.
        await live.record(stream.of(-HOUR, -HOUR + 1, -2 * HOUR, -30 * MINUTE, -36 * MINUTE, -35 * MINUTE));
        await live.drain();
        await live.record(stream.of(-40 * MINUTE));
        await live.drain();
        // The database is away over midnight.
        proxy.refuse();
        await live.record(stream.of(-2));
        await live.record(stream.of(2, -4 * MINUTE, 120, -4 * MINUTE + 1, -3 * MINUTE));
        await live.record(stream.of(-1, -3 * MINUTE + 1, -2 * MINUTE));
        // A year late, into a new file, and again.
        await live.record(stream.of(-YEAR, -YEAR + 1, -YEAR - 1));
        proxy.forward();
        await live.drain();
        await live.record(stream.of(-YEAR + 2, 3));
      }
      {
        await using live = await collect(under, now, after);
        await live.record(stream.of(-2 * MINUTE - 50, -3 * MINUTE + 2, -7, 4 * MINUTE, -8, -MINUTE - 1));
        await live.record(stream.of(-YEAR + 3, HOUR, -9, HOUR - 5 * MINUTE, HOUR - 5 * MINUTE - 1));
        await live.record(stream.of(HOUR + 1));
        // Where files are cut otherwise by then, both lines are the first one of their file.
        if (before === after)
          await live.record([reading('Sensor 1', new Date(MIDNIGHT + 2000).toISOString(), 2)]);
        await live.drain();
      }
      const rows = await rowsOf(pipeline);
      expect(rows.map(({ time, sensor_id, late }) => ({ time, sensor_id, late }))).toEqual(stream.rows);
      expect(rows.some(({ late }) => late)).toBe(true);
      const quality = ['valid', 'out_of_range', 'unknown_sensor'];
      expect(rows.every(row => quality.includes(row.quality as string))).toBe(true);

      await pipeline.database.query('TRUNCATE silver.sensor_reading');
      await pipeline.replay();
      expect(await rowsOf(pipeline)).toEqual(rows);

      const [{ counted, ledger }] = await pipeline.database.query(
        `SELECT (SELECT sum(n)::int FROM silver.duplicate_minute) AS counted, sum(duplicates)::int AS ledger
       FROM bronze.raw_file`,
      );
      const sentTwice = before === after ? 1 : 0;
      expect([counted ?? 0, ledger]).toEqual([sentTwice, sentTwice]);
      expect((await pipeline.verify({ exhaustive: true })).differences).toEqual({ count: 0, first: [] });

      await withDatabase(async empty => {
        await using another = new Pipeline(pipeline.folder, pipeline.collector, empty);
        await another.upsertRegistry();
        await another.replay();
        expect(await rowsOf(another)).toEqual(rows);
      });
    });
  },
);

test('in a file of many sensors from elsewhere each has its own order', async () => {
  await withPipeline(async pipeline => {
    const path = join(pipeline.folder, 'export.jsonl');
    const lines = [
      ['a', HOUR, false],
      ['b', 0, false],
      ['a', 50 * MINUTE, true],
      ['b', 5 * MINUTE, false],
      ['b', -1, true],
      ['a', 55 * MINUTE, false],
    ] as const;
    const timeOf = (second: number) => new Date(MIDNIGHT + second * 1000).toISOString();
    writeFileSync(path, lines.map(([sensor, second]) => reading(sensor, timeOf(second), 1)).join('\n'));
    await pipeline.replay([path]);
    await pipeline.replay([path]);
    const found = await rowsOf(pipeline);
    for (const [sensor_id, second, late] of lines) {
      expect(found).toContainEqual(expect.objectContaining({ sensor_id, time: timeOf(second), late }));
    }
    expect(found).toHaveLength(lines.length);
  });
});
