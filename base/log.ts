import { createRequire } from 'node:module';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { PinoPretty } from 'pino-pretty';
import type { Config } from './settings.ts';

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
  const destination: DestinationStream = readable
    ? readableLines()({
        sync: true,
        translateTime: 'SYS:HH:MM:ss',
        ignore: 'pid,hostname',
        colorize: stream.isTTY,
      })
    : pino.destination({ dest: stream.fd, sync: true });
  return pino(options, destination);
}

/** Loaded where it is wanted only: in production lines are JSON. */
function readableLines(): typeof PinoPretty {
  return createRequire(import.meta.url)('pino-pretty');
}
