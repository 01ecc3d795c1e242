import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newDatabase, type TestDatabase } from '../../harness/database.ts';
import { type Arrival, modelOf } from './model.ts';
import { at, Silver } from './silver.ts';

let database: TestDatabase;
let silver: Silver;

beforeAll(async () => {
  database = await newDatabase();
  silver = await Silver.open(database);
});
afterAll(async () => {
  await silver[Symbol.asyncDispose]();
  await database.drop();
});

/** Readings, and lines that become none, of two sensors: around the start, and a day before it. */
const arrival: fc.Arbitrary<Arrival> = fc.record({
  id: fc.constantFrom('a', 'a', 'b'),
  // On a grid, so that limits are met exactly.
  second: fc
    .tuple(fc.constantFrom(0, 0, 0, 0, 0, 0, -86_400, 1800), fc.integer({ min: 0, max: 96 }))
    .map(([base, steps]) => base + steps * 2.5),
  // Mostly the same, so that runs are long.
  value: fc.constantFrom(...Array(14).fill(10), 10.05, 10.5, -20.1),
  quality: fc.constantFrom('valid', 'valid', 'valid', 'out_of_range', 'unknown_sensor'),
  late: fc.boolean(),
  kind: fc.constantFrom(...Array(12).fill('reading'), 'rejected', 'duplicate', 'conflict'),
});

/** When a refresh comes in between, the clock of it, which may go back. */
const batch = fc.record({
  size: fc.constantFrom(1, 1, 2, 3, 40),
  clock: fc.option(fc.integer({ min: 0, max: 900 }), { freq: 4 }),
});

test('whatever the order of arrival and whenever it is refreshed, flags, means and quality are those of the readings', async () => {
  const seen = { stuck: 0, jump: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(arrival, { minLength: 20, maxLength: 140, size: 'max' }),
      fc.array(batch, { minLength: 1, maxLength: 8 }),
      async (drawn, batches) => {
        await start();
        const arrivals = firstOfEachKey(drawn);
        for (let from = 0, n = 0; from < arrivals.length; n++) {
          const { size, clock } = batches[n % batches.length]!;
          await arrive(arrivals.slice(from, from + size));
          if (clock !== null) await silver.refresh(at(clock));
          from += size;
        }
        await silver.refresh(at(END));
        const model = modelOf([FIRST, ...arrivals], END);
        expect(await flags()).toEqual(model.flags);
        expect(await quality()).toEqual(model.quality);
        expectMeans(await means(), model.means);
        seen.stuck += model.flags.filter(flag => flag.includes('stuck')).length;
        seen.jump += model.flags.filter(flag => flag.includes('jump')).length;
      },
    ),
    { numRuns: 20, interruptAfterTimeLimit: 40_000 },
  );
  // Else the readings were too tame to prove anything.
  expect(seen.stuck).toBeGreaterThan(20);
  expect(seen.jump).toBeGreaterThan(20);
});

const END = 3600;
const FIRST: Arrival = { id: 'a', second: -0.25, value: 10, quality: 'valid', late: false, kind: 'reading' };

/** An empty database, in which sensor `a` was seen before the first refresh. */
async function start(): Promise<void> {
  await silver.clear();
  await silver.register('a', {
    expected_interval: '7 seconds',
    max_step_per_s: 0.05,
    max_stuck: '20 seconds',
  });
  await silver.register('b', { max_step_per_s: 0.05 });
  await silver.query(`INSERT INTO bronze.raw_file (collector, path) VALUES ('c', 'f')`);
  await silver.store([FIRST], at(0));
  await silver.refresh(at(0));
}

/** What is stored under a sensor and time first, stays; here the others are left out. */
function firstOfEachKey(arrivals: readonly Arrival[]): Arrival[] {
  const keys = new Set<string>();
  return arrivals.filter(({ id, second, kind }) => {
    if (kind !== 'reading') return true;
    const key = `${id} ${second}`;
    return !keys.has(key) && keys.add(key);
  });
}

let offset = 0;
/** What a load does. */
async function arrive(arrivals: readonly Arrival[]): Promise<void> {
  await silver.query('BEGIN');
  await silver.store(arrivals.filter(({ kind }) => kind === 'reading'));
  for (const { id, second, kind } of arrivals) {
    if (kind === 'reading') continue;
    await silver.mark(id, 60 * Math.floor(second / 60));
    const values = [at(second).toISOString(), id];
    if (kind === 'duplicate') {
      await silver.query(
        `INSERT INTO silver.duplicate_minute (bucket, sensor_id, n) VALUES (date_trunc('minute', $1::timestamptz, 'UTC'), $2, 2)`,
        values,
      );
    } else if (kind === 'rejected') {
      await silver.query(
        `INSERT INTO silver.rejected_line (time, sensor_id, collector, path, byte_offset, reason, line)
         VALUES ($1, $2, 'c', 'f', $3, 'r', 'l')`,
        [...values, offset++],
      );
    } else {
      await silver.query(
        `INSERT INTO silver.conflicting_reading
           (time, sensor_id, stored_value, conflicting_value, collector, path, byte_offset)
         VALUES ($1, $2, 1, 2, 'c', 'f', $3)`,
        [...values, offset++],
      );
    }
  }
  await silver.query('COMMIT');
}

async function flags(): Promise<string[]> {
  const rows = await silver.query(
    `SELECT concat_ws(' ', sensor_id, (extract(epoch FROM time - $1))::float8, CASE WHEN stuck THEN 'stuck' END, CASE WHEN jump THEN 'jump' END)
       AS flag
     FROM silver.sensor_reading ORDER BY sensor_id, time`,
    [at(0)],
  );
  return rows.map(({ flag }) => flag);
}

/** One line a row of the three tables. */
async function quality(): Promise<string[]> {
  const select = (table: string, period: string) => `
    SELECT '${table}' AS of, sensor_id, ${period} AS period, concat_ws(' ', '${table}', sensor_id, ${period}, coalesce(expected::text, '-'),
      received, valid, out_of_range, unknown, rejected, duplicates, conflicts, late, stuck, jumps) AS line
    FROM gold.data_quality_${table}`;
  const seconds = '(extract(epoch FROM bucket - $1))::int';
  const rows = await silver.query(
    `SELECT line FROM (
       ${select('1min', seconds)} UNION ALL ${select('hourly', seconds)}
       UNION ALL ${select('daily', `(extract(epoch FROM bucket - $1))::int`)}
     ) q ORDER BY of, sensor_id, period`,
    [at(0)],
  );
  return rows.map(({ line }) => line);
}

/** Rows of the three tables by what they are of. */
async function means(): Promise<Map<string, { mean: number; least: number; most: number; n: number }>> {
  const columns = 'sensor_id, val_mean AS mean, val_min AS least, val_max AS most, n::int';
  const rows = await silver.query(
    `SELECT '1min ' || (extract(epoch FROM bucket - $1))::int AS of, ${columns} FROM gold.reading_1min_mean
     UNION ALL SELECT 'hourly ' || (extract(epoch FROM bucket - $1))::int, ${columns} FROM gold.hourly_mean
     UNION ALL SELECT 'daily ' || (extract(epoch FROM bucket - $1))::int, ${columns} FROM gold.daily_mean`,
    [at(0)],
  );
  return new Map(rows.map(({ of, sensor_id, ...row }) => [`${sensor_id} ${of}`, row]));
}

/** A minute's mean is exact; those of hours and days are within a billionth of the largest value. */
function expectMeans(found: Awaited<ReturnType<typeof means>>, expected: typeof found): void {
  expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [key, { mean, ...rest }] of found) {
    const { mean: wanted, ...others } = expected.get(key)!;
    expect(rest, key).toEqual(others);
    const allowed = key.includes('1min') ? 0 : 1e-9 * Math.max(Math.abs(rest.least), Math.abs(rest.most));
    expect(Math.abs(mean - wanted), key).toBeLessThanOrEqual(allowed);
  }
}
