import type { ClientBase } from 'pg';
import { prepareRefresh, refreshStaleMinutes } from '../gold/refresh.ts';

/** Rows that one transaction removes, about: who loads or refreshes waits for no more. */
const ROWS_AT_ONCE = 50_000;

/**
 * Removes the readings of old UTC days from silver, with what belongs to them: conflicts, duplicates, rejected lines. Gold
 * stays.
 *
 * First the database notes from when on silver is kept, while no refresh is under way: from then on no refresh touches the
 * minutes before, whose readings may be gone. Before that their means have to be what silver says: as long as one of them
 * is stale, nothing is removed. A reading that comes later than that is stored, and goes when this is called again.
 *
 * Which days are old the database decides, by its clock and by what the owner of its tables has said: who calls can only
 * hold it back.
 * @param days how many days before the present one are kept at least.
 * @param clock ms since 1970, of whoever calls.
 * @returns how many rows and chunks were removed; undefined where minutes have to be refreshed first.
 * @throws errors of the database; what is removed by then stays so, and the next call goes on.
 */
export async function forgetReadings(
  client: ClientBase,
  { days, clock }: { days: number; clock: number },
  signal?: AbortSignal,
): Promise<{ rows: number; chunks: number } | undefined> {
  await prepareRefresh(client);
  await refreshStaleMinutes(client);
  const advanced = await client.query<{ done: boolean }>('SELECT sluice.advance_retention($1, $2) AS done', [
    days,
    new Date(clock),
  ]);
  if (!advanced.rows[0]!.done) return undefined;
  const forgotten = await client.query<{ chunks: string }>('SELECT sluice.forget_chunks() AS chunks');
  let rows = 0;
  for (let removed = 1; removed > 0; rows += removed) {
    signal?.throwIfAborted();
    const result = await client.query<{ rows: string }>('SELECT sluice.forget_rows($1) AS rows', [
      ROWS_AT_ONCE,
    ]);
    removed = Number(result.rows[0]!.rows);
  }
  return { rows, chunks: Number(forgotten.rows[0]!.chunks) };
}
