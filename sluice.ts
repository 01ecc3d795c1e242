#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Logger } from 'pino';
import type { VerifyArguments } from './audit/command.ts';
import { type Config, readConfig, SettingsError } from './collector/config.ts';
import { errorText } from './collector/error-text.ts';
import { createLog } from './collector/log.ts';
import { RegistryError } from './collector/silver/registry-file.ts';
import { untilStopped } from './collector/until-stopped.ts';

// Each command loads its own module: a collector has no use for the memory of the others.
const program = new Command('sluice')
  .description(
    'An MQTT stream collector: raw JSONL files, a hypertable, one-minute means. Settings come from the environment.',
  )
  .exitOverride()
  .showHelpAfterError();

program
  .command('up')
  .description(
    'run everything on this machine; broker and PostgreSQL are embedded unless MQTT_URL or DATABASE_URL is set',
  )
  .addOption(new Option('--faults', 'let the generator send what real sensors send (GENERATOR_FAULTS=on)'))
  .action((options: { faults?: boolean }) => {
    if (options.faults) process.env.GENERATOR_FAULTS = 'on';
    process.env.LOG_LEVEL ||= 'warn';
    process.env.LOG_FORMAT ||= 'pretty';
    return serve(async (config, log, stopped) => {
      const { up } = await import('./embedded/up.ts');
      await up(config, log, stopped);
    });
  });

program
  .command('collect')
  .description('record what the broker delivers, load it, refresh the means')
  .action(() =>
    serve(async (config, log, stopped) => {
      const { Collector } = await import('./collector/collector.ts');
      await using undo = new AsyncDisposableStack();
      const collector = new Collector(config, log);
      undo.defer(() => collector.stop());
      const http = await collector.start();
      log.info({ http, raw: config.DATA_DIR }, 'collecting');
      log.info({ signal: await stopped }, 'stopping');
    }),
  );

program
  .command('generate')
  .description('publish readings of simulated sensors')
  .option(
    '--faults',
    'now and then send what real sensors send: late, repeated, out of range, unknown, malformed',
  )
  .action((options: { faults?: boolean }) => {
    if (options.faults) process.env.GENERATOR_FAULTS = 'on';
    return serve(async (config, log, stopped) => {
      const { Generator } = await import('./generator/generator.ts');
      await using undo = new AsyncDisposableStack();
      const generator = new Generator({ config, log });
      undo.defer(() => generator.stop());
      await generator.start();
      await stopped;
    });
  });

program
  .command('migrate')
  .description('bring the database to the schema of this version')
  .action(() =>
    finish(async config => {
      const { migrate } = await import('./db/migrate.ts');
      const { applied, timescaledb } = await migrate(config.DATABASE_URL);
      const done = applied.length > 0 ? `Applied ${applied.join(', ')}.` : 'The database is up to date.';
      const server = timescaledb ? `TimescaleDB ${timescaledb}.` : 'Plain PostgreSQL, no TimescaleDB.';
      process.stdout.write(`${done} ${server}\n`);
      return true;
    }),
  );

program
  .command('verify')
  .description(
    'prove that the database holds what the raw files say; exit 1 and the first differences if not',
  )
  .option('--date <date>', 'only readings of this UTC date, such as 2025-11-12', utcDay)
  .option('--sensor <id>', 'only readings of this sensor')
  .option('--json', 'the report as JSON')
  .action((options: VerifyArguments) =>
    finish(async (config, log) => {
      const { verifyCommand } = await import('./audit/command.ts');
      return verifyCommand(config, log, options);
    }),
  );

program
  .command('replay')
  .description(
    'load raw files (.jsonl, .jsonl.gz) again or from elsewhere; by default all of the data folder',
  )
  .argument('[place...]', 'files and folders')
  .option('--dry-run', 'only say what it would do')
  .action((places: string[], options: { dryRun?: boolean }) =>
    finish(async (config, log) => {
      const { replayCommand } = await import('./replay/command.ts');
      return replayCommand(config, log, places, options.dryRun === true);
    }),
  );

/** Checks a date of the command line. */
function utcDay(text: string): string {
  const day = new Date(`${text}T00:00:00Z`);
  if (Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== text) {
    throw new InvalidArgumentError('It must be a date such as 2025-11-12.');
  }
  return text;
}

/** Runs a daemon until a signal asks it to stop. The settings are read before anything is started. */
async function serve(
  daemon: (config: Config, log: Logger, stopped: Promise<NodeJS.Signals>) => Promise<void>,
) {
  const config = readConfig(process.env);
  await daemon(config, createLog(config), untilStopped());
}

/** Runs a command to its end; false means exit status 1. Its output is for people, so the log keeps to warnings. */
async function finish(command: (config: Config, log: Logger) => Promise<boolean>) {
  const config = readConfig({ ...process.env, LOG_LEVEL: process.env.LOG_LEVEL || 'warn' });
  if (!(await command(config, createLog(config, process.stderr)))) process.exitCode = 1;
}

/** 2 for what the user can mend in the call or the settings, 1 for everything else. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return error instanceof SettingsError || error instanceof RegistryError ? 2 : 1;
}

try {
  if (existsSync('.env')) process.loadEnvFile('.env');
  await program.parseAsync();
  // What is written into a pipe may still be on its way.
  await new Promise(resolve => process.stdout.write('', resolve));
  process.exit();
} catch (error) {
  // Commander has told its own errors already.
  if (!(error instanceof CommanderError)) {
    const detailed = /^(?:debug|trace)$/.test(process.env.LOG_LEVEL ?? '');
    process.stderr.write(`sluice: ${detailed ? (error as Error).stack : errorText(error)}\n`);
  }
  process.exit(exitCodeOf(error));
}
