/** What to do about an error of the database. */
export type Remedy =
  /** Nothing is wrong with the rows: try the batch again, later. */
  | 'retry'
  /** A row is to blame: narrow the batch down to it, and store the others. */
  | 'bisect';

/**
 * The SQLSTATE classes that blame a row. Everything else (connections, 08; rollbacks, 40; resources, 53; locks, 55;
 * an operator's hand, 57; a missing table or grant, 42; a server turned read-only, 25) is retried, as is what is not
 * known: a batch that waits costs lag, a row rejected by mistake is hard to get back.
 */
const blamesRow: Record<string, string> = {
  '22': 'data exception',
  '23': 'integrity constraint violation',
  '54': 'program limit exceeded',
  P0: 'raised by a trigger',
};

/** Judges an error by its SQLSTATE; errors without one (sockets, timeouts) are retried. */
export function remedyOf(error: unknown): Remedy {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && code.length === 5 && code.slice(0, 2) in blamesRow ? 'bisect' : 'retry';
}
