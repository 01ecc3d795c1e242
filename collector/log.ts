import { type DestinationStream, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './config.ts';

/**
 * The log: JSON lines, or readable ones on a terminal. Written synchronously to standard output, so that the last words
 * of a process that ends are not lost.
 */
export function createLog(config: Pick<Config, 'LOG_LEVEL' | 'LOG_FORMAT'>): Logger {
  const readable = config.LOG_FORMAT === 'pretty' || (config.LOG_FORMAT === 'auto' && process.stdout.isTTY);
  const options = {
    level: config.LOG_LEVEL,
    base: null,
    // Errors of the broker and the database can carry addresses with passwords.
    redact: ['*.password', '*.connectionString', 'config'],
  };
  const destination: DestinationStream = readable
    ? pretty({
        sync: true,
        translateTime: 'SYS:HH:MM:ss',
        ignore: 'pid,hostname',
        colorize: process.stdout.isTTY,
      })
    : pino.destination({ dest: 1, sync: true });
  return pino(options, destination);
}
