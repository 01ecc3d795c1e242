/** Two signals within this time are one: Ctrl-C reaches us from the terminal and once more through npm. */
const SAME_KEYPRESS_MS = 1000;

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP: time to drain and stop. A second one, later, ends the process at once
 * with status 1.
 */
export function untilStopped(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    let first: number | undefined;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        first ??= performance.now();
        if (performance.now() - first > SAME_KEYPRESS_MS) {
          process.stderr.write(
            'Stopped at once. What was recorded is safe, the next start goes on with it.\n',
          );
          process.exit(1);
        }
        resolve(signal);
      });
    }
  });
}
