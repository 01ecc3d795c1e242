import { closeSync, openSync } from 'node:fs';

/** Two signals within this time are one: Ctrl-C reaches us from the terminal and once more through npm. */
const SAME_KEYPRESS_MS = 1000;

/** Who has asked a daemon to stop: a signal, or a terminal or pipe that is closed. */
export type StopReason = NodeJS.Signals | 'closed output';

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP: time to drain and stop. A second one, later, ends the process at once
 * with status 1.
 * @param onHangUp what SIGHUP does instead of stopping, unless it says that the terminal is gone; undefined: it stops.
 * @param stopsUnheard also stop when nobody reads standard output any more.
 */
export function untilStopped({
  onHangUp,
  stopsUnheard = false,
}: {
  onHangUp?: () => void;
  stopsUnheard?: boolean;
} = {}): Promise<StopReason> {
  const hadTerminal = hasTerminal();
  return new Promise(resolve => {
    let first: number | undefined;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (signal === 'SIGHUP' && onHangUp !== undefined && hadTerminal === hasTerminal()) return onHangUp();
        first ??= performance.now();
        // A terminal that closes may say so more than once.
        if (signal !== 'SIGHUP' && performance.now() - first > SAME_KEYPRESS_MS) {
          process.stderr.write(
            'Stopped at once. What was recorded is safe, the next start goes on with it.\n',
          );
          process.exit(1);
        }
        resolve(signal);
      });
    }
    if (stopsUnheard) process.stdout.once('error', () => resolve('closed output'));
  });
}

/** Whether there is a terminal that could close; a service has none. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

/**
 * Keeps the end of a reader (`| head`, a closed terminal) from ending the process: what is written from then on is
 * lost, and the exit status stays that of the work.
 */
export function surviveClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', error => {
      if (isClosed(error)) return;
      // A full disk behind `> file`: the result is not there.
      process.exitCode = 1;
      if (stream === process.stdout) {
        process.stderr.write(`sluice: standard output cannot be written: ${error.message}\n`);
      }
    });
  }
}

/** Whether an error of writing says that nobody reads any more: the pipe's other end, or the terminal, is gone. */
export function isClosed(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EPIPE' || code === 'EIO' || code === 'ERR_STREAM_DESTROYED';
}
