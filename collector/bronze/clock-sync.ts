import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** systemd-timesyncd touches it each time it has set the clock, mostly every half hour (systemd-timesyncd.service(8)). */
const SYNCHRONIZED = '/run/systemd/timesync/synchronized';
/** Without a time server for so long, the clock is left to itself. */
const STALE_MS = 86_400_000;

/**
 * Whether a time server keeps the clock of this machine right: undefined where the system does not tell. Only
 * systemd-timesyncd does, in a file; the kernel's own word (adjtimex) cannot be had from Node, that of chrony and ntpd only
 * by asking them. In a container the file is there where the host's folder is mounted.
 * @param now ms since 1970.
 */
export async function isClockSynchronized(
  now = Date.now(),
  file = SYNCHRONIZED,
): Promise<boolean | undefined> {
  const touched = await stat(file).catch(() => undefined);
  if (touched !== undefined) return now - touched.mtimeMs < STALE_MS;
  // timesyncd is at work, and has reached no server since the machine started.
  const isAtWork = await stat(dirname(file)).then(
    () => true,
    () => false,
  );
  return isAtWork ? false : undefined;
}
