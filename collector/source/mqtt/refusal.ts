import { ClosedSilentlyError } from './mqtt-connection.ts';
import type { Refusal } from './protocol-choice.ts';

/** Reason codes with which a broker says that it does not speak MQTT 5: 1 in the form of 3.1.1, 132 in that of 5. */
const UNACCEPTABLE_VERSION = new Set([1, 132]);
/** A broker that closes a connection with bytes in it that it has not read resets it. */
const RESET = new Set(['ECONNRESET', 'EPIPE']);

/** What a connection may fail with. */
export type ConnectError = Error & { code?: number | string };

/** Why a broker did not accept a connection. */
export function refusalOf(error: ConnectError): Refusal {
  if (typeof error.code === 'number' && UNACCEPTABLE_VERSION.has(error.code)) return 'version';
  const silent = error instanceof ClosedSilentlyError || RESET.has(String(error.code));
  return silent ? 'silent' : 'other';
}
