import type { ClientBase } from 'pg';

/*
 * One refresh at a time, across collectors: a row lock, which only those can take who may write to the row. An advisory
 * lock of the same purpose could be held by whoever may connect.
 */

/** Takes the lock for the rest of the transaction, if it is free. */
export async function tryRefreshLock(client: ClientBase): Promise<boolean> {
  const { rowCount } = await client.query('SELECT FROM sluice.refresh FOR UPDATE SKIP LOCKED');
  return rowCount === 1;
}

/** Notes, in the transaction that holds the lock, that gold is refreshed with its commit. */
export async function noteRefreshed(client: ClientBase): Promise<void> {
  await client.query('UPDATE sluice.refresh SET refreshed_at = clock_timestamp()');
}

/** Seconds since gold was refreshed, by whichever collector; infinite where it never was. */
export async function secondsSinceRefresh(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ seconds: number | null }>(
    'SELECT extract(epoch FROM clock_timestamp() - refreshed_at)::float8 AS seconds FROM sluice.refresh',
  );
  return rows[0]?.seconds ?? Number.POSITIVE_INFINITY;
}
