import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { databaseServers } from '../../harness/database.ts';
import { at, type Silver, useSilver } from './silver.ts';

describe.each(databaseServers())('on $name', server => {
  let silver: Silver;
  useSilver({ server }, opened => {
    silver = opened;
  });

  const minutes = (id = 'a') =>
    silver.query(
      `SELECT extract(epoch FROM bucket - '2025-11-12 10:15Z')::int / 60 AS minute, expected::float, received::int, valid::int,
         score::float
       FROM gold.data_quality_1min WHERE sensor_id = $1 ORDER BY bucket`,
      [id],
    );
  /** Lines that did not become rows, as a loader notes them. */
  const unstored = async () => {
    await silver.query(`INSERT INTO bronze.raw_file (collector, path) VALUES ('c', 'f')`);
    await silver.query(
      `INSERT INTO silver.rejected_line (collector, path, byte_offset, reason, line, time, sensor_id)
       SELECT 'c', 'f', n, 'r', 'l', $1::timestamptz + n * INTERVAL '30 s', 'a' FROM generate_series(0, 2) n`,
      [at(0)],
    );
    await silver.query(
      `INSERT INTO silver.duplicate_minute (bucket, sensor_id, n) VALUES ($1, 'a', 2), ($1, 'a', 3), ($2, 'a', 7)`,
      [at(0), at(60)],
    );
    await silver.query(
      `INSERT INTO silver.conflicting_reading (time, sensor_id, stored_value, conflicting_value, collector, path, byte_offset)
       VALUES ($1, 'a', 1, 2, 'c', 'f', 9)`,
      [at(1)],
    );
  };

  test('a minute counts its lines by what became of them, its hour and its day add them up', async () => {
    await silver.register('a', { expected_interval: '5 seconds', max_stuck: '5 seconds', max_step_per_s: 1 });
    await silver.store([
      { second: 0, value: 20 },
      { second: 1, value: 30, quality: 'out_of_range', late: true },
      { second: 2, value: 20, quality: 'unknown_sensor', late: true },
      { second: 8, value: 20 },
      { second: 14, value: 20 },
      { second: 3600, value: 20 },
    ]);
    await unstored();
    await silver.mark('a', 0, 60);
    await silver.refresh(at(3660));
    const first = {
      expected: '12',
      received: '13',
      valid: '3',
      out_of_range: '1',
      unknown: '1',
      rejected: '2',
      duplicates: '5',
      conflicts: '1',
      late: '2',
      stuck: '0',
      jumps: '1',
      score: '25.0',
    };
    const table = (name: string) => silver.query(`SELECT * FROM gold.data_quality_${name} ORDER BY 1`);
    const [minute] = await table('1min');
    expect(minute).toEqual({ bucket: at(0), sensor_id: 'a', ...first });
    const hours = await table('hourly');
    const both = { ...first, expected: '24', received: '21', rejected: '3', duplicates: '12' };
    expect(hours[0]).toEqual({ bucket: at(-15 * 60), sensor_id: 'a', ...both, score: '12.5' });
    expect(hours).toHaveLength(2);
    expect(await silver.query('SELECT * FROM gold.data_quality_daily')).toMatchObject([
      {
        bucket: new Date('2025-11-12T00:00Z'),
        ...both,
        expected: '36',
        received: '22',
        valid: '4',
        score: '11.1',
        verdict: 'critical',
      },
    ]);
  });

  const HOUR = 3600;
  /** Refreshes as a collector does that runs from the first minute on. */
  const throughHours = async (hours: number) => {
    await silver.refresh(at(0));
    for (let hour = 6; hour < hours + 6; hour += 6) await silver.refresh(at(Math.min(hour, hours) * HOUR));
  };
  const day = async () => {
    const [row] = await silver.query(
      `SELECT sum(received)::int AS received, gold.whole_readings(sum(expected))::int AS expected,
         gold.missing_readings(sum(expected), sum(received)::bigint, 0)::int AS missing,
         gold.quality_score(sum(expected), sum(received)::bigint, 0, sum(valid)::bigint)::float AS score
       FROM gold.data_quality_daily`,
    );
    return row;
  };

  test('of a sensor that sends every 12 minutes, one of five is missed', async () => {
    await silver.register('a', { expected_interval: '12 minutes' });
    await silver.store([0, 12, 24, 48].map(minute => ({ second: minute * 60 })));
    await throughHours(1);
    expect(await day()).toEqual({ received: 4, expected: 5, missing: 1, score: 80 });
  });

  test('a sensor that sends once a day and is dead has a score, and a verdict', async () => {
    await silver.register('a', { expected_interval: '1 day' });
    await silver.store([{ second: -1, quality: 'valid' }], at(0));
    await silver.query('UPDATE silver.seen_sensor SET seen_at = $1', [at(-10.25 * HOUR)]);
    await silver.query('INSERT INTO sluice.quality_watermark (filled_to) VALUES ($1)', [at(-10.25 * HOUR)]);
    await silver.query('TRUNCATE silver.sensor_reading');
    for (let hour = -10.25; hour < 20; hour += 6) await silver.refresh(at(hour * HOUR));
    expect(
      await silver.query(
        "SELECT score::float, verdict FROM gold.data_quality_daily WHERE bucket = '2025-11-12Z' AND sensor_id = 'a'",
      ),
    ).toEqual([{ score: 0, verdict: 'critical' }]);
  });

  test('as many whole readings are expected of a day and of a week as the interval has room for', async () => {
    const interval = fc.oneof(
      fc.integer({ min: 100, max: 60_000 }),
      fc.integer({ min: 1, max: 10_080 }).map(minutes => minutes * 60_000),
      fc.integer({ min: 60_000, max: 7 * 86_400_000 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(interval, { minLength: 20, maxLength: 20 }), async intervals => {
        await silver.clear();
        for (const ms of intervals) await silver.register(`${ms}`, { expected_interval: `${ms} ms` });
        await silver.query('INSERT INTO silver.seen_sensor SELECT sensor_id, $1 FROM silver.sensor', [at(0)]);
        await throughHours(24);
        const rows = await silver.query(
          `SELECT sensor_id, gold.whole_readings(sum(expected))::int AS a_day, gold.whole_readings(7 * sum(expected))::int AS a_week
           FROM gold.data_quality_hourly WHERE bucket < $1 GROUP BY sensor_id`,
          [at(24 * HOUR)],
        );
        expect(rows).toHaveLength(intervals.length);
        // The last part of the last hour is not over.
        const wholeIn = (ms: number, sensor: string) => Math.floor(ms / Number(sensor) + 1e-6);
        for (const { sensor_id, ...whole } of rows)
          expect({ sensor_id, ...whole }).toEqual({
            sensor_id,
            a_day: wholeIn(86_400_000, sensor_id),
            a_week: wholeIn(7 * 86_400_000, sensor_id),
          });
      }),
      { numRuns: 2 },
    );
  });

  test('what is added later is counted when its minute is marked, and what has gone is gone everywhere', async () => {
    await silver.register('a');
    await silver.store([{ second: 0 }, { second: 3600 }, { second: 86_400 }]);
    await silver.refresh();
    await silver.store([{ second: 10 }]);
    await silver.refresh();
    expect(await minutes()).toMatchObject([{ received: 2 }, { received: 1 }, { received: 1 }]);
    const tables = [
      'data_quality_1min',
      'data_quality_hourly',
      'data_quality_daily',
      'reading_1min_mean',
      'hourly_mean',
      'daily_mean',
    ];
    const counts = async () => {
      const n: number[] = [];
      for (const table of tables) {
        const [row] = await silver.query(`SELECT count(*)::int AS n FROM gold.${table}`);
        n.push(row.n);
      }
      return n;
    };
    expect(await counts()).toEqual([3, 3, 2, 3, 3, 2]);
    await silver.query('DELETE FROM silver.sensor_reading WHERE time > $1', [at(60)]);
    await silver.mark('a', 3600, 86_400);
    await silver.refresh();
    expect(await counts()).toEqual([1, 1, 1, 1, 1, 1]);
  });

  test('nothing is expected of a sensor without an interval, nor of one that is not registered', async () => {
    await silver.register('a');
    await silver.store([{ second: 0 }, { id: 'b', second: 0, quality: 'unknown_sensor' }]);
    await silver.refresh();
    expect(await minutes()).toEqual([{ minute: 0, expected: null, received: 1, valid: 1, score: 100 }]);
    expect(await minutes('b')).toEqual([{ minute: 0, expected: null, received: 1, valid: 0, score: 0 }]);
  });

  test('an interval longer than a minute lets expect a part of a reading', async () => {
    await silver.register('a', { expected_interval: '7 minutes' });
    await silver.store([{ second: 0 }]);
    await silver.refresh();
    expect(await minutes()).toEqual([
      { minute: 0, expected: 0.142857142857, received: 1, valid: 1, score: 100 },
    ]);
  });

  test('expected of a minute is what of it is over', async () => {
    await silver.register('a', { expected_interval: '2 seconds' });
    await silver.store([{ second: 0 }, { second: 120 }]);
    await silver.refresh(at(30));
    expect(await minutes()).toMatchObject([
      { minute: 0, expected: 15 },
      { minute: 2, expected: 0, score: 100 },
    ]);
  });

  test('of the minute in which a sensor was first seen, what came before that is not expected', async () => {
    await silver.register('a', { expected_interval: '2 seconds' });
    await silver.store([{ second: 50 }, { second: 60 }], at(50));
    await silver.refresh(at(120));
    expect(await minutes()).toMatchObject([
      { minute: 0, expected: 5 },
      { minute: 1, expected: 30 },
    ]);
  });

  describe('silence', () => {
    const silent = { received: 0, valid: 0, score: 0 };
    beforeEach(() => silver.register('a', { expected_interval: '1 second' }));

    test('a minute in which nothing came has a row, and the running one is judged again when it is over', async () => {
      await silver.store([{ second: 0 }], at(0));
      await silver.refresh(at(5));
      expect(await minutes()).toEqual([{ minute: 0, expected: 5, received: 1, valid: 1, score: 20 }]);
      await silver.refresh(at(125));
      expect(await minutes()).toEqual([
        { minute: 0, expected: 60, received: 1, valid: 1, score: 1.7 },
        { minute: 1, expected: 60, ...silent },
        { minute: 2, expected: 5, ...silent },
      ]);
      await silver.refresh(at(185));
      expect((await minutes()).map(({ expected }) => expected)).toEqual([60, 60, 60, 5]);
      const [day] = await silver.query('SELECT * FROM gold.data_quality_daily');
      expect(day).toMatchObject({ expected: '185', received: '1', verdict: 'critical' });
    });

    test('begins with the first refresh, and with the minute in which a sensor was first seen', async () => {
      await silver.register('b', { expected_interval: '1 second' });
      await silver.register('never seen', { expected_interval: '1 second' });
      await silver.store([{ second: -7200 }], at(-3600));
      await silver.refresh(at(5));
      expect(await minutes()).toMatchObject([{ minute: -120 }, { minute: 0 }]);
      await silver.store([{ id: 'b', second: 0 }], at(100));
      await silver.refresh(at(190));
      expect((await minutes('b')).map(({ minute }) => minute)).toEqual([0, 1, 2, 3]);
      expect(await minutes('never seen')).toEqual([]);
    });

    test('readings that come late take the place of silence', async () => {
      await silver.store([{ second: 0 }]);
      await silver.refresh(at(5));
      await silver.refresh(at(125));
      await silver.store([{ second: 61 }, { second: 62 }]);
      await silver.refresh(at(130));
      expect((await minutes()).map(({ received }) => received)).toEqual([1, 2, 0]);
    });

    test('a long stop is caught up by several refreshes, six hours each', async () => {
      await silver.store([{ second: 0 }]);
      await silver.refresh(at(5));
      const now = at(15 * 3600 + 5);
      const filled: number[] = [];
      for (let n = 0; n < 4; n++) {
        await silver.refresh(now);
        filled.push((await minutes()).length);
      }
      expect(filled).toEqual([361, 721, 901, 901]);
      expect((await minutes()).map(({ minute }) => minute)).toEqual(Array.from({ length: 901 }, (_, n) => n));
    });

    test('a clock that jumps back and forth leaves each minute as the time says that it is', async () => {
      await silver.store([{ second: 0 }]);
      await silver.refresh(at(5));
      await silver.refresh(at(3605));
      // Back: nothing is expected of what has not come yet.
      await silver.refresh(at(65));
      expect(await minutes()).toMatchObject([
        { minute: 0, expected: 60 },
        { minute: 1, expected: 5 },
      ]);
      await silver.store([{ second: 67 }, { second: 121 }]);
      await silver.refresh(at(125));
      await silver.refresh(at(245));
      expect((await minutes()).map(({ expected, received }) => [expected, received])).toEqual([
        [60, 1],
        [60, 1],
        [60, 1],
        [60, 0],
        [5, 0],
      ]);
    });
  });
});
