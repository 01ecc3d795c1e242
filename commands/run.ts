import type { Logger } from 'pino';
import { type Config, readConfig } from '../base/config.ts';
import { createLog } from '../base/log.ts';
import { type StopReason, untilStopped } from '../base/signals.ts';
import { withRunningServers } from './running-servers.ts';
import { explainUnreachable } from './unreachable.ts';

/*
 * What makes a function of ours the action of a command. The settings are read first: nothing is connected or made before all
 * of them are right.
 */

/** The action of a command that runs to its end; false means exit status 1. Its output is for people, so the log keeps to warnings. */
export function toEnd<Arguments extends unknown[]>(
  command: (config: Config, log: Logger, ...given: Arguments) => Promise<boolean>,
): (...given: Arguments) => Promise<void> {
  return async (...given) => {
    const settings = readConfig({ ...process.env, LOG_LEVEL: process.env.LOG_LEVEL || 'warn' });
    const config = await withRunningServers(settings);
    try {
      if (!(await command(config, createLog(config, process.stderr), ...given))) process.exitCode = 1;
    } catch (error) {
      throw explainUnreachable(error, config);
    }
  };
}

/** The action of a command that runs until it is asked to stop. */
export async function untilSignal(
  daemon: (config: Config, log: Logger, stopped: Promise<StopReason>) => Promise<void>,
  options: Parameters<typeof untilStopped>[0] = {},
): Promise<void> {
  const config = readConfig(process.env);
  await daemon(config, createLog(config), untilStopped(options));
}
