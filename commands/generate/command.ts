import type { Command } from 'commander';
import { untilSignal } from '../run.ts';
import { withRunningServers } from '../running-servers.ts';

export default (command: Command) =>
  command
    .option(
      '--faults',
      'now and then send what real sensors send: late, repeated, out of range, unknown, malformed',
    )
    .option('--power', 'also play a sensor of voltage and one of current (GENERATOR_POWER=on)')
    .action((options: { faults?: boolean; power?: boolean }) => {
      if (options.faults) process.env.GENERATOR_FAULTS = 'on';
      if (options.power) process.env.GENERATOR_POWER = 'on';
      return untilSignal(async (config, log, stopped) => {
        const { Generator } = await import('../../generator/generator.ts');
        await using undo = new AsyncDisposableStack();
        const generator = new Generator({ config: await withRunningServers(config), log });
        undo.defer(() => generator.stop());
        await generator.start();
        await stopped;
      });
    });
