import type { Command } from 'commander';
import { untilSignal } from '../run.ts';

export default (command: Command) =>
  command
    .option('--faults', 'let the generator send what real sensors send (GENERATOR_FAULTS=on)')
    .action((options: { faults?: boolean }) => {
      if (options.faults) process.env.GENERATOR_FAULTS = 'on';
      process.env.LOG_LEVEL ||= 'warn';
      process.env.LOG_FORMAT ||= 'pretty';
      return untilSignal(
        async (config, log, stopped) => {
          const { up } = await import('./up.ts');
          await up(config, log, stopped);
          process.stdout.write('Stopped.\n');
        },
        { stopsUnheard: true },
      );
    });
