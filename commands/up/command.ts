import type { Command } from 'commander';
import { untilSignal } from '../run.ts';

export default (command: Command) =>
  command
    .option('--faults', 'let the generator send what real sensors send (GENERATOR_FAULTS=on)')
    .option('--power', 'also play a sensor of voltage and one of current (GENERATOR_POWER=on)')
    .action((options: { faults?: boolean; power?: boolean }) => {
      if (options.faults) process.env.GENERATOR_FAULTS = 'on';
      if (options.power) process.env.GENERATOR_POWER = 'on';
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
