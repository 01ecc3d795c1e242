import type { Config } from '../base/config.ts';
import { errorText } from '../base/errors.ts';

/** What fails before there is a connection: nobody listens, or there is no such host. */
const CONNECTING = new Set(['connect', 'getaddrinfo']);
/** SQLSTATEs: the user, the password or the database is not the server's. */
const REFUSED = new Set(['28000', '28P01', '3D000']);

/**
 * Where `error` came because the database was not there for us, one that says which it was and what changes that: the
 * command that starts one, the setting that names it. Any other error is returned as it is.
 */
export function explainUnreachable(error: unknown, { DATABASE_URL, embedded }: Config): unknown {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  const { syscall, code } = (first ?? {}) as NodeJS.ErrnoException;
  const { hostname, port } = new URL(DATABASE_URL);
  const address = `${hostname}:${port || 5432}`;
  if (REFUSED.has(code ?? '')) {
    const text = `The database on ${address} refuses us: ${errorText(error)}. DATABASE_URL names user, password and database.`;
    return new Error(text, { cause: error });
  }
  if (!CONNECTING.has(syscall ?? '')) return error;
  const advice = embedded.postgres
    ? '`sluice up` (npm start) starts one there; DATABASE_URL names one of yours.'
    : 'DATABASE_URL names it.';
  return new Error(`No database answers on ${address} (${errorText(error)}). ${advice}`, { cause: error });
}
