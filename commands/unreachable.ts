import type { Config } from '../base/config.ts';
import { errorText } from '../base/errors.ts';

/** What fails before there is a connection: nobody listens, or there is no such host. */
const CONNECTING = new Set(['connect', 'getaddrinfo']);
/** SQLSTATEs: the user, the password or the database is not the server's. */
const REFUSED = new Set(['28000', '28P01', '3D000']);

/**
 * Where `error` came because broker or database was not there for us, one that says which it was and what changes that: the
 * command that starts one, the setting that names it. Any other error is returned as it is.
 */
export function explainUnreachable(error: unknown, { DATABASE_URL, MQTT_URL, embedded }: Config): unknown {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  const { syscall, code, port: tried } = (first ?? {}) as NodeJS.ErrnoException & { port?: number };
  const { hostname, port } = new URL(DATABASE_URL);
  const address = `${hostname}:${port || 5432}`;
  const broker = new URL(MQTT_URL);
  if (
    CONNECTING.has(syscall ?? '') &&
    tried !== undefined &&
    `${tried}` === broker.port &&
    broker.port !== port
  ) {
    const what = `No broker answers on ${broker.host} (${errorText(error)}).`;
    return new Error(`${what} ${adviceOf(embedded.broker, 'MQTT_URL')}`, { cause: error });
  }
  if (REFUSED.has(code ?? '')) {
    const text = `The database on ${address} refuses us: ${errorText(error)}. DATABASE_URL names user, password and database.`;
    return new Error(text, { cause: error });
  }
  if (!CONNECTING.has(syscall ?? '')) return error;
  // It was something else: a receiver, object storage.
  if (tried !== undefined && tried !== Number(port || 5432)) return error;
  const what = `No database answers on ${address} (${errorText(error)}).`;
  return new Error(`${what} ${adviceOf(embedded.postgres, 'DATABASE_URL')}`, { cause: error });
}

function adviceOf(isEmbedded: boolean, setting: string): string {
  return isEmbedded
    ? `\`sluice up\` (npm start) starts one there; ${setting} names one of yours.`
    : `${setting} names it.`;
}
