import { createRequire } from 'node:module';
import { type Logger, pino } from 'pino';
import type { PinoPretty } from 'pino-pretty';
import type { Config } from './config.ts';
import { isClosed } from './signals.ts';

/**
 * The log: JSON lines, or readable ones on a terminal. Written synchronously, so that the last words of a process that
 * ends are not lost.
 * @param stream where it goes: standard output of a daemon, standard error of a command whose output is a result.
 */
export function createLog(
  config: Pick<Config, 'LOG_LEVEL' | 'LOG_FORMAT'>,
  stream: typeof process.stdout | typeof process.stderr = process.stdout,
): Logger {
  const readable = config.LOG_FORMAT === 'pretty' || (config.LOG_FORMAT === 'auto' && stream.isTTY);
  const options = {
    level: config.LOG_LEVEL,
    base: null,
    // Errors of the broker and the database can carry addresses with passwords.
    redact: ['*.password', '*.connectionString', 'config'],
  };
  const lines = pino.destination({ dest: stream.fd, sync: true });
  // Nobody reads on: whoever stops for that listens at the stream. Other errors (a full disk) may pass, and logging may end nothing.
  lines.on('error', (error: Error) => {
    if (!isClosed(error)) return;
    lines.write = () => false;
    stream.emit('error', error);
  });
  if (!readable) return pino(options, lines);
  const colorize = stream.isTTY && !process.env.NO_COLOR;
  const shape = { translateTime: 'SYS:HH:MM:ss', ignore: 'pid,hostname', colorize };
  return pino(options, readableLines()({ ...shape, destination: lines }));
}

/** Loaded where it is wanted only: in production lines are JSON. */
function readableLines(): typeof PinoPretty {
  return createRequire(import.meta.url)('pino-pretty');
}
