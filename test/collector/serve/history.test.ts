import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { meansFor } from '../../../collector/serve/history.ts';
import { LEVELS } from '../../../collector/serve/levels.ts';
import { newDatabase, type TestDatabase } from '../../harness/database.ts';
import { type Collecting, collecting } from './collecting.ts';

let database: TestDatabase;
let running: Collecting;

beforeAll(async () => {
  database = await newDatabase();
  await database.query(`
    INSERT INTO silver.sensor (sensor_id, quantity, unit, min_value, max_value, expected_interval)
      VALUES ('few', 'temperature', '°C', -10, 40, '1 s'), ('many', 'temperature', '°C', -10, 40, NULL);
    INSERT INTO silver.sensor_reading (time, sensor_id, value, quality) VALUES
      ('2025-11-12T10:00:00Z', 'few', 20, 'valid'), ('2025-11-12T10:00:01.5Z', 'few', 21, 'valid'),
      ('2025-11-12T10:00:02Z', 'few', -127, 'out_of_range'), ('2025-11-12T11:00:00Z', 'few', 30, 'valid');
    INSERT INTO silver.sensor_reading (time, sensor_id, value, quality)
      SELECT timestamptz '2025-11-12T10:00Z' + n * interval '1 s', 'many', n % 7, 'valid' FROM generate_series(0, 3599) n;
    INSERT INTO silver.sensor_reading (time, sensor_id, value, quality)
      SELECT timestamptz '2025-11-13T10:00Z' + n * interval '10 ms', 'fast', n, 'valid' FROM generate_series(0, 49999) n;
    INSERT INTO gold.reading_1min_mean (bucket, sensor_id, val_mean, val_min, val_max, n)
      SELECT timestamptz '2025-11-13T10:00Z' + n * interval '1 min', 'fast', n, n - 1, n + 1, 60 FROM generate_series(0, 9) n;
    INSERT INTO gold.data_quality_1min (bucket, sensor_id, received, valid, out_of_range, unknown, rejected, duplicates, conflicts, late, stuck, jumps)
      VALUES ('2025-11-13T10:04Z', 'fast', 65, 60, 3, 2, 0, 0, 0, 0, 0, 0);
    INSERT INTO gold.daily_mean (bucket, sensor_id, val_mean, val_min, val_max, n)
      SELECT timestamptz '2005-01-01Z' + n * interval '24 h', 'old', CASE WHEN n = 0 THEN 1.7e308 ELSE 1e300 END, 0, 1.7e308, 1 FROM generate_series(0, 6999) n`);
  running = await collecting({ DATABASE_URL: database.url });
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
  await database.drop();
});

async function history(query: string) {
  const response = await fetch(`${running.http}/api/v1/history?${query}`);
  // biome-ignore lint/suspicious/noExplicitAny: what it looks like is what the test is about.
  return { code: response.status, body: (await response.json()) as any };
}
const at = (iso: string) => Date.parse(iso);

test('few readings are shown one by one, and those that are not valid beside them', async () => {
  const { body } = await history('sensor=few&from=2025-11-12T10:00:00Z&to=2025-11-12T11:00:00Z');
  expect(body).toEqual({
    from: '2025-11-12T10:00:00.000000Z',
    to: '2025-11-12T11:00:00.000000Z',
    series: [
      {
        sensor_id: 'few',
        quantity: 'temperature',
        unit: '°C',
        min_value: -10,
        max_value: 40,
        expected_interval_s: 1,
        source: 'reading',
        step_s: 0,
        points: [
          [at('2025-11-12T10:00:00Z'), 20, 20, 20, 1],
          [at('2025-11-12T10:00:01.5Z'), 21, 21, 21, 1],
        ],
        marks: [[at('2025-11-12T10:00:02Z'), -127, 1, 'out_of_range']],
      },
    ],
  });
});

test('more readings than points become means of a few seconds each, and no extreme gets lost', async () => {
  const { body } = await history('sensor=many&from=2025-11-12T10:00:00Z&to=2025-11-12T11:00:00Z&points=500');
  const [{ source, step_s, points }] = body.series;
  expect([source, step_s, points.length]).toEqual(['reading', 8, 450]);
  expect(points[0]).toEqual([at('2025-11-12T10:00:00Z'), (0 + 1 + 2 + 3 + 4 + 5 + 6 + 0) / 8, 0, 6, 8]);
  expect(points.reduce((sum: number, [, , , , n]: number[]) => sum + n!, 0)).toBe(3600);
});

test('more readings than anybody should count become means of minutes; what is not valid is counted', async () => {
  const { body } = await history('sensor=fast&from=2025-11-13&to=2025-11-13&points=720');
  const [{ source, step_s, points, marks }] = body.series;
  expect([source, step_s]).toEqual(['1m', 120]);
  expect(points[0]).toEqual([at('2025-11-13T10:00:00Z'), 0.5, -1, 2, 120]);
  expect(marks).toEqual([[at('2025-11-13T10:04:00Z'), null, 5, null]]);
});

test('decades become means of several days, also where numbers are at their limits', async () => {
  const { body } = await history('sensor=old&from=2005-01-01&to=2025-01-01&points=1000');
  const [{ source, step_s, points }] = body.series;
  expect([source, step_s]).toEqual(['1d', 8 * 86_400]);
  expect(points.length).toBeLessThanOrEqual(1000);
  expect(points.every((point: number[]) => point.every(Number.isFinite))).toBe(true);
});

test('several sensors, each in its own resolution; one that nobody knows is empty', async () => {
  const { body } = await history('sensor=few&sensor=many&sensor=none&from=2025-11-12&to=2025-11-12');
  expect(body.series.map(({ sensor_id }: { sensor_id: string }) => sensor_id)).toEqual([
    'few',
    'many',
    'none',
  ]);
  expect(body.series[0].points).toHaveLength(3);
  expect(body.series[2]).toMatchObject({ unit: null, points: [], marks: [] });
});

test.each([
  'from=2025-11-12&to=2025-11-12',
  'sensor=few&to=2025-11-12',
  'sensor=few&from=2025-11-12T10:00:00Z&to=2025-11-12T10:00:00Z',
  'sensor=few&from=2025-11-12&to=2025-11-12&points=3001',
  `${'sensor=x&'.repeat(11)}from=2025-11-12&to=2025-11-12`,
  'sensor=%00&from=2025-11-12&to=2025-11-12',
])('%s is refused', async query => {
  expect((await history(query)).code).toBe(400);
});

test('whatever the range, there are no more points than asked for, and no more rows than may be read', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1, max: 200 * 366 * 86_400, noNaN: true }),
      fc.integer({ min: 1, max: 3000 }),
      fc.integer({ min: 4000, max: 40_000 }),
      (seconds, points, rows) => {
        const { source, step } = meansFor({ from: 0, to: seconds * 1e6 }, points, rows);
        const finest = LEVELS[source as keyof typeof LEVELS].seconds;
        expect(step % finest).toBe(0);
        expect(seconds / step).toBeLessThanOrEqual(points);
        // Two hundred years of days are the one thing that is longer.
        if (source !== '1d') expect(seconds / finest).toBeLessThanOrEqual(rows);
      },
    ),
  );
});
