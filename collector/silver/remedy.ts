/** What to do about an error of the database. */
export type Remedy =
  /** Nothing is wrong with the rows: try the batch again, later. */
  | 'retry'
  /** A row is to blame: bisect the batch, refuse that row, and store the others. */
  | 'bisect'
  /** Nobody knows: try again a few times, then bisect. */
  | 'suspect';

/** The SQLSTATE classes that blame a row. */
const blamesRow: Record<string, string> = {
  '22': 'data exception',
  '23': 'integrity constraint violation',
  '54': 'program limit exceeded',
  P0: 'raised by a trigger',
};

/**
 * Those that pass, or that somebody has to mend, whatever the rows are: a batch that waits costs lag, a row that is refused
 * by mistake costs a replay.
 */
const blamesNoRow: Record<string, string> = {
  '08': 'connection exception',
  '25': 'invalid transaction state: a server turned read-only',
  '28': 'invalid authorization',
  '3D': 'no such database',
  '3F': 'no such schema',
  '40': 'transaction rollback',
  '42': 'a missing table or grant',
  '53': 'insufficient resources',
  '55': 'object not in the right state: a lock',
  '57': 'operator intervention',
  '58': 'system error: a disk',
};

/** Judges an error by its SQLSTATE; errors without one (sockets, timeouts) are retried. Citus's XX000 for a duplicate in COPY is a suspect. */
export function remedyOf(error: unknown): Remedy {
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code)) return 'retry';
  const kind = code.slice(0, 2);
  if (kind in blamesRow) return 'bisect';
  return kind in blamesNoRow ? 'retry' : 'suspect';
}
