import type { ClientBase } from 'pg';

/** From when on silver is kept, as SQL: of minutes before that, gold says more than silver does. */
export const KEPT_SINCE = `coalesce((SELECT dropped_before FROM sluice.retention), '-infinity')`;

/** From when on silver is kept: the begin of a UTC day; undefined where nothing was ever removed. */
export async function keptSince(client: ClientBase): Promise<Date | undefined> {
  const { rows } = await client.query<{ dropped_before: Date }>(
    'SELECT dropped_before FROM sluice.retention',
  );
  return rows[0]?.dropped_before;
}
