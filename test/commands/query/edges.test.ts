import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bindQuery } from '../../../commands/query/query-file.ts';
import { readShelf } from '../../../commands/query/shelf.ts';
import { newDatabase, type TestDatabase } from '../../harness/database.ts';

/* What answers must be at the edges of their time and of what a double holds. */

interface PlanNode {
  'Relation Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: PlanNode[];
}

const shelf = await readShelf();
let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await newDatabase();
  client = new pg.Client(database.url);
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});
beforeEach(() =>
  client.query(
    `SET TIME ZONE 'UTC';
     TRUNCATE silver.sensor, silver.seen_sensor, silver.sensor_reading, gold.reading_1min_mean, gold.hourly_mean,
       gold.data_quality_hourly, gold.data_quality_daily`,
  ),
);

async function ask(name: string, set: Record<string, string> = {}) {
  const { text, values } = bindQuery(shelf.get(name)!.plain, new Map(Object.entries(set)));
  return (await client.query(text, values)).rows;
}

const iso = (time: Date) => time.toISOString().slice(0, 19);

describe('gaps', () => {
  const read = (...times: string[]) =>
    client.query(
      `INSERT INTO silver.sensor (sensor_id, quantity, unit) VALUES ('a', 'q', 'u') ON CONFLICT DO NOTHING;
       INSERT INTO silver.seen_sensor VALUES ('a', '2025-11-12 10:00Z') ON CONFLICT DO NOTHING;
       INSERT INTO silver.sensor_reading VALUES ${times.map(time => `('${time}', 'a', 1, 'valid')`)}`,
    );
  const gaps = async (set: Record<string, string>) =>
    (await ask('gaps', set)).map(
      ({ began, ended }) => `${iso(began)} ${ended === null ? 'open' : iso(ended)}`,
    );

  test('one that began before `until` has its end, also where that comes behind', async () => {
    await read('2025-11-12T10:00:00Z', '2025-11-12T10:10:00Z', '2025-11-12T10:10:30Z');
    const set = { since: '2025-11-12T10:00Z', until: '2025-11-12T10:00:30Z' };
    expect(await gaps(set)).toEqual(['2025-11-12T10:00:00 2025-11-12T10:10:00']);
  });

  test('one of which `until` leaves less than `longer_than` is one all the same', async () => {
    await read('2025-11-12T10:00:00Z', '2025-11-12T10:10:00Z');
    const set = { since: '2025-11-12T10:00Z', until: '2025-11-12T10:05Z', longer_than: '9 minutes' };
    expect(await gaps(set)).toEqual(['2025-11-12T10:00:00 2025-11-12T10:10:00']);
  });

  test('where nothing has come since it is open, and a reading ahead of the clock does not end it', async () => {
    await read('2025-11-12T10:00:00Z');
    await client.query(
      `INSERT INTO silver.sensor_reading VALUES (now() + INTERVAL '20 hours', 'a', 1, 'valid')`,
    );
    expect(await gaps({ since: '2025-11-12T09:00Z', until: '2025-11-12T11:00Z' })).toEqual([
      '2025-11-12T10:00:00 open',
    ]);
  });

  test('sensors that are not registered are there on request, or by name', async () => {
    await read('2025-11-12T10:00:00Z', '2025-11-12T10:10:00Z');
    await client.query('TRUNCATE silver.sensor');
    const set = { since: '2025-11-12T10:00Z', until: '2025-11-12T10:05Z' };
    expect(await gaps(set)).toEqual([]);
    expect(await gaps({ ...set, unregistered: 'true' })).toHaveLength(1);
    expect(await gaps({ ...set, sensor: 'a' })).toHaveLength(1);
  });
});

const minutes = (sensor: string, value: string, n = 60) =>
  client.query(
    `INSERT INTO silver.sensor (sensor_id, quantity, unit) VALUES ('${sensor}', 'q', 'u');
     INSERT INTO gold.reading_1min_mean
     SELECT '2025-11-12 10:00Z'::timestamptz + m * INTERVAL '1 min', '${sensor}', ${value}, ${value}, ${value}, 1
     FROM generate_series(0, ${n - 1}) m`,
  );
const morning = { since: '2025-11-12T10:00Z', until: '2025-11-12T11:00Z' };

describe('correlation', () => {
  test('with what never moves there is none, whatever the rounding of its mean says', async () => {
    await minutes('flat', '0.1');
    await minutes('wave', '(m % 7) * 0.3');
    await minutes('mirror', '5 - (m % 7) * 0.3');
    const rows = await ask('correlation', morning);
    expect(rows.map(({ sensor_a, sensor_b, correlation }) => [sensor_a, sensor_b, correlation])).toEqual([
      ['mirror', 'wave', expect.closeTo(-1, 9)],
      ['flat', 'mirror', null],
      ['flat', 'wave', null],
    ]);
  });

  test('without a name, pairs are made of the first sensors only', async () => {
    for (const sensor of ['a', 'b', 'c']) await minutes(sensor, 'm');
    expect(await ask('correlation', { ...morning, among: '2' })).toMatchObject([
      { sensor_a: 'a', sensor_b: 'b', correlation: 1, minutes: '60' },
    ]);
    expect(await ask('correlation', { ...morning, sensor: 'c' })).toHaveLength(2);
  });
});

describe('downsample', () => {
  test('there are never more rows than `points`, wherever in a minute the time begins', async () => {
    await minutes('a', 'm', 200);
    for (const second of ['00', '01', '59'])
      for (const points of [1, 7, 60, 199]) {
        const span = { since: `2025-11-12T10:00:${second}Z`, until: `2025-11-12T13:20:${second}Z` };
        const rows = await ask('downsample', { ...span, sensor: 'a', points: `${points}` });
        expect(rows.length).toBeLessThanOrEqual(points);
        expect(rows.reduce((sum, { n }) => sum + Number(n), 0)).toBe(200);
      }
  });

  test('no time and no points are no error', async () => {
    await minutes('a', 'm');
    const at = '2025-11-12T10:00:30Z';
    expect(await ask('downsample', { sensor: 'a', since: at, until: at })).toEqual([]);
    expect(await ask('downsample', { sensor: 'a', since: morning.until, until: at })).toEqual([]);
    expect(await ask('downsample', { sensor: 'a', ...morning, points: '0' })).toHaveLength(1);
  });
});

describe('daily-mean-local', () => {
  test.each(['Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Asia/Kathmandu'])(
    'its default days are those of %s, whatever the session has',
    async zone => {
      await client.query(
        `INSERT INTO gold.reading_1min_mean SELECT date_trunc('minute', now(), 'UTC'), 'a', 5, 5, 5, 1;
         INSERT INTO gold.hourly_mean SELECT date_trunc('hour', now(), 'UTC'), 'a', 5, 5, 5, 1`,
      );
      for (const session of ['UTC', 'Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
        await client.query(`SET TIME ZONE '${session}'`);
        const [today] = (await client.query(`SELECT ((now() AT TIME ZONE '${zone}')::date)::text AS day`))
          .rows;
        const [row] = await ask('daily-mean-local', { time_zone: zone });
        expect([row.day.toLocaleDateString('sv'), row.n]).toEqual([today.day, '1']);
      }
    },
  );

  test('where midnight cuts an hour, each of its minutes counts in its own day', async () => {
    await minutes('a', 'm', 1440);
    await client.query(
      `INSERT INTO gold.hourly_mean
       SELECT date_trunc('hour', bucket, 'UTC'), sensor_id, avg(val_mean), min(val_min), max(val_max), count(*)
       FROM gold.reading_1min_mean GROUP BY 1, 2`,
    );
    const days = { time_zone: 'Asia/Kathmandu', first_day: '2025-11-12', last_day: '2025-11-13' };
    // Midnight there is 18:15 UTC: 495 minutes after ten.
    expect(await ask('daily-mean-local', days)).toMatchObject([
      { val_min: 495, val_max: 1439, n: '945', val_mean: 967 },
      { val_min: 0, val_max: 494, n: '495', val_mean: 247 },
    ]);
  });
});

test('stuck: runs of one value are told apart, also where the registry has no limit any more', async () => {
  await client.query(
    `INSERT INTO silver.sensor (sensor_id, quantity, unit) VALUES ('a', 'q', 'u');
     INSERT INTO silver.sensor_reading (time, sensor_id, value, quality, stuck)
     SELECT '2025-11-12 10:00Z'::timestamptz + m * INTERVAL '1 min', 'a', CASE WHEN m = 10 THEN 8 ELSE 7 END, 'valid',
       m BETWEEN 5 AND 9 OR m > 15
     FROM generate_series(0, 20) m;
     INSERT INTO gold.data_quality_hourly VALUES ('2025-11-12 10:00Z', 'a', NULL, 21, 21, 0, 0, 0, 0, 0, 0, 10, 0)`,
  );
  expect(await ask('stuck', morning)).toMatchObject([
    { value: 7, n: '5', duration: { minutes: 4 } },
    { value: 7, n: '5', duration: { minutes: 4 } },
  ]);
});

test('anomalies-zscore: a flat line has no spread, whatever the rounding of its mean says', async () => {
  await minutes('flat', '0.1');
  await minutes('step', 'CASE WHEN m = 45 THEN 0.2 ELSE 0.1 END');
  const rows = await ask('anomalies-zscore', morning);
  expect(rows).toMatchObject([{ sensor_id: 'step', val_mean: 0.2, usual: 0.1, spread: 0, z: Infinity }]);
});

test('worst-sensors: sensors that are not registered crowd out nobody', async () => {
  await client.query(
    `INSERT INTO silver.sensor (sensor_id, quantity, unit) VALUES ('a', 'q', 'u');
     INSERT INTO gold.data_quality_daily
     SELECT '2025-11-12Z'::timestamptz, 'stranger ' || n, NULL::numeric, 9, 0, 0, 9, 0, 0, 0, 0, 0, 0 FROM generate_series(1, 20) n
     UNION ALL SELECT '2025-11-12Z'::timestamptz, 'a', 10, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0`,
  );
  const days = { first_day: '2025-11-12', last_day: '2025-11-12' };
  expect(await ask('worst-sensors', days)).toMatchObject([{ sensor_id: 'a', score: '90.0' }]);
  expect(await ask('worst-sensors', { ...days, unregistered: 'true' })).toHaveLength(10);
});

describe('uptime', () => {
  test('counts from when a sensor was first seen, by its readings where they were loaded later', async () => {
    await minutes('new', 'm', 20);
    await minutes('loaded later', 'm', 30);
    await client.query(
      `DELETE FROM gold.reading_1min_mean WHERE sensor_id = 'new' AND bucket < '2025-11-12 10:10Z';
       INSERT INTO silver.seen_sensor VALUES ('new', '2025-11-12 10:05:30Z'), ('loaded later', now())`,
    );
    expect(await ask('uptime', morning)).toMatchObject([
      { sensor_id: 'new', minutes_up: '10', minutes: '55', longest_outage: { minutes: 40 } },
      { sensor_id: 'loaded later', minutes_up: '30', minutes: '60', uptime_percent: '50.00' },
    ]);
  });
});

test('anomalies-iqr: one sensor named is one sensor read', async () => {
  await client.query(
    `INSERT INTO silver.sensor_reading
     SELECT '2025-11-12 10:00Z'::timestamptz + m * INTERVAL '1 min', 'sensor ' || s, m % 5, 'valid'
     FROM generate_series(0, 59) m, generate_series(1, 50) s;
     ANALYZE silver.sensor_reading`,
  );
  const { text, values } = bindQuery(
    shelf.get('anomalies-iqr')!.plain,
    new Map(Object.entries({ ...morning, sensor: 'sensor 7' })),
  );
  const { rows } = await client.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, values);
  const read = (node: PlanNode): number =>
    (node['Relation Name'] === 'sensor_reading'
      ? (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops']
      : 0) + (node.Plans ?? []).reduce((sum, child) => sum + read(child), 0);
  expect(read(rows[0]['QUERY PLAN'][0].Plan)).toBe(60);
});
