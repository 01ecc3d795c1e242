import type { Command } from 'commander';
import { untilSignal } from '../run.ts';

export default (command: Command) =>
  command
    .option(
      '--faults',
      'now and then send what real sensors send: late, repeated, out of range, unknown, malformed',
    )
    .action((options: { faults?: boolean }) => {
      if (options.faults) process.env.GENERATOR_FAULTS = 'on';
      return untilSignal(async (config, log, stopped) => {
        const { Generator } = await import('../../generator/generator.ts');
        await using undo = new AsyncDisposableStack();
        const generator = new Generator({ config, log });
        undo.defer(() => generator.stop());
        await generator.start();
        await stopped;
      });
    });
