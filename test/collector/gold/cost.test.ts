import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { databaseServers, newDatabase, type TestDatabase } from '../../harness/database.ts';
import { at, Silver } from './silver.ts';

const SENSORS = 2000;
/** Of each sensor, in the stale minute. */
const READINGS = 10;
/** Further minutes of the same hour that each sensor has in gold. */
const OTHERS = 40;
/** Rows, or pages, that a statement may touch for each stale minute; one that looks at all sensors for each touches far more. */
const MOST = 200;
const LIMITS = { expected_interval: '6 seconds', max_step_per_s: 1, max_stuck: '1 minute' };

let silver: Silver;

describe.each(databaseServers())('on $name', server => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await newDatabase({ server });
    silver = await Silver.open(database);
    // Statistics are what a test makes them.
    const tables = await silver.query(
      `SELECT oid::regclass AS name FROM pg_class
       WHERE relkind = 'r' AND relnamespace IN ('silver'::regnamespace, 'gold'::regnamespace)`,
    );
    for (const { name } of tables) await silver.query(`ALTER TABLE ${name} SET (autovacuum_enabled = off)`);
  });
  afterAll(async () => {
    await silver[Symbol.asyncDispose]();
    await database.drop();
  });
  beforeEach(() => silver.clear());

  describe('a refresh of many sensors looks at each by itself', () => {
    test('on a database without statistics', async () => {
      await fill();
      expectModest(await costs());
      await mark();
      expectModest(await costs());
    });

    test.each([1, 5])('where the statistics are of a time with %i of them', async few => {
      const ids = Array.from({ length: few }, (_, n) => `early ${n}`);
      for (const id of ids) await silver.register(id, LIMITS);
      const reading = (n: number) => ({ id: ids[n % few]!, second: n * 1.001 - 86_400, value: n });
      await silver.store(Array.from({ length: 5000 }, (_, n) => reading(n)));
      await silver.refresh(at(0));
      await silver.query(
        `INSERT INTO gold.reading_1min_mean
         SELECT $1::timestamptz - n * INTERVAL '1 minute', 'early ' || n % ${few}, 1, 1, 1, 1 FROM generate_series(1, 100000) n`,
        [at(-2 * 86_400)],
      );
      await silver.query('ANALYZE');
      await fill();
      expectModest(await costs());
      await mark();
      expectModest(await costs());
    });
  });
});

/** A stale minute of each sensor, with readings at the same instants: a tenth of them jump, a tenth have lost their mean. */
async function fill(): Promise<void> {
  await silver.query(
    `INSERT INTO silver.sensor (sensor_id, quantity, unit, expected_interval, max_step_per_s, max_stuck)
     SELECT 'Sensor ' || n, 'temperature', 'u', $1, $2, $3 FROM generate_series(1, ${SENSORS}) n`,
    [LIMITS.expected_interval, LIMITS.max_step_per_s, LIMITS.max_stuck],
  );
  await silver.query(
    'INSERT INTO silver.seen_sensor SELECT sensor_id, $1 FROM silver.sensor ON CONFLICT DO NOTHING',
    [at(0)],
  );
  await silver.query(
    `INSERT INTO silver.sensor_reading (time, sensor_id, value, quality)
     SELECT $1::timestamptz + i * INTERVAL '6 seconds', 'Sensor ' || n, CASE n % 10 WHEN 0 THEN i * 10 ELSE i END,
       CASE n % 10 WHEN 1 THEN 'out_of_range' ELSE 'valid' END
     FROM generate_series(0, ${READINGS - 1}) i, generate_series(1, ${SENSORS}) n`,
    [at(0)],
  );
  for (const [table, values] of [
    ['gold.reading_1min_mean', '1, 1, 1, 1'],
    ['gold.data_quality_1min', '1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0'],
  ])
    await silver.query(
      `INSERT INTO ${table} SELECT $1::timestamptz + i * INTERVAL '1 minute', 'Sensor ' || n, ${values}
       FROM generate_series(0, ${OTHERS}) i, generate_series(1, ${SENSORS}) n`,
      [at(0)],
    );
  await mark();
}

async function mark(): Promise<void> {
  await silver.query(
    `INSERT INTO sluice.stale_minute SELECT $1, 'Sensor ' || n FROM generate_series(1, ${SENSORS}) n`,
    [at(0)],
  );
}

interface Cost {
  sql: string;
  rows: number;
  pages: number;
}

/** What each statement of a refresh costs. */
async function costs(): Promise<Cost[]> {
  const found: Cost[] = [];
  const query = async (sql: string, values?: unknown[]) => {
    const isLoop = sql.startsWith('DO');
    if (/^\s*(WITH|SELECT|INSERT|UPDATE|DELETE)/.test(sql))
      found.push({ sql, ...(await costOf(sql, values)) });
    const before = isLoop ? await rowsRead() : 0;
    const result = await silver.client.query(sql, values);
    // There is no plan of what is in a loop.
    if (isLoop) found.push({ sql, rows: (await rowsRead()) - before, pages: 0 });
    return result;
  };
  expect(await new Silver({ query } as unknown as pg.Client).refresh(at(59))).toBe(SENSORS);
  return found;
}

/** Of a statement that is run and undone. */
async function costOf(sql: string, values?: unknown[]): Promise<{ rows: number; pages: number }> {
  await silver.query('SAVEPOINT before');
  const [row] = await silver.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`, values);
  await silver.query('ROLLBACK TO before');
  const plan = row['QUERY PLAN'][0].Plan;
  return { rows: rowsPassed(plan), pages: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'] };
}

interface PlanNode {
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Join Filter'?: number;
  Plans?: PlanNode[];
}

/** All rows that the steps of a plan have handed on or dropped. */
function rowsPassed(node: PlanNode): number {
  const dropped = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Join Filter'] ?? 0);
  const own = (node['Actual Rows'] + dropped) * node['Actual Loops'];
  return own + (node.Plans ?? []).reduce((sum, child) => sum + rowsPassed(child), 0);
}

/** From tables, in this transaction so far. */
async function rowsRead(): Promise<number> {
  const [row] = await silver.query(
    'SELECT sum(seq_tup_read + idx_tup_fetch)::int AS n FROM pg_stat_xact_user_tables',
  );
  return row.n;
}

function expectModest(found: readonly Cost[]): void {
  // Marks, flags, silence, and a row of each table for minutes, hours and days.
  expect(found.length).toBeGreaterThan(10);
  for (const { sql, rows, pages } of found) {
    expect(rows, `rows: ${sql}`).toBeLessThan(MOST * SENSORS);
    expect(pages, `pages: ${sql}`).toBeLessThan(MOST * SENSORS);
  }
}
