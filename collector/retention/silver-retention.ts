import type { ClientBase } from 'pg';
import { prepareRefresh, REFRESH_LOCK, refreshStaleMinutes } from '../gold/refresh.ts';
import { KEPT_SINCE } from '../silver/kept-since.ts';

/** Rows that one transaction removes, about: who loads or refreshes waits for no more. */
const ROWS_AT_ONCE = 50_000;

/**
 * Removes the readings of the days before `before` (a UTC date) from silver, with what belongs to them: conflicts,
 * duplicates, rejected lines. Gold stays.
 *
 * First it is noted from when on silver is kept, while no refresh is under way: from then on no refresh touches the
 * minutes before, whose readings may be gone. Before that their means have to be what silver says: as long as one of them
 * is stale, nothing is removed. A reading that comes later than that is stored, and goes when this is called again.
 * @returns how many rows and chunks were removed; undefined where minutes have to be refreshed first.
 * @throws errors of the database; what is removed by then stays so, and the next call goes on.
 */
export async function forgetReadings(
  client: ClientBase,
  before: string,
  signal?: AbortSignal,
): Promise<{ rows: number; chunks: number } | undefined> {
  await prepareRefresh(client);
  await refreshStaleMinutes(client);
  if (!(await moveBoundary(client, `${before}T00:00:00Z`))) return undefined;
  const forgotten = await client.query<{ chunks: string }>('SELECT silver.forget_chunks() AS chunks');
  let rows = 0;
  for (let removed = 1; removed > 0; rows += removed) {
    signal?.throwIfAborted();
    const result = await client.query<{ rows: string }>('SELECT silver.forget_rows($1) AS rows', [
      ROWS_AT_ONCE,
    ]);
    removed = Number(result.rows[0]!.rows);
  }
  return { rows, chunks: Number(forgotten.rows[0]!.chunks) };
}

/** @returns false where a minute between the former boundary and the new one is stale, or its silence is not noted yet. */
async function moveBoundary(client: ClientBase, boundary: string): Promise<boolean> {
  await client.query('BEGIN');
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [REFRESH_LOCK]);
    const stale = await client.query(
      `(SELECT FROM gold.stale_minute WHERE bucket < $1 AND bucket >= ${KEPT_SINCE} LIMIT 1)
       UNION ALL SELECT FROM gold.quality_watermark WHERE filled_to < $1`,
      [boundary],
    );
    if (stale.rowCount === 0) {
      await client.query(
        `INSERT INTO silver.retention AS r (dropped_before) VALUES ($1)
         ON CONFLICT (one) DO UPDATE SET dropped_before = excluded.dropped_before, changed_at = now()
         WHERE r.dropped_before < excluded.dropped_before`,
        [boundary],
      );
    }
    await client.query('COMMIT');
    return stale.rowCount === 0;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}
