import { existsSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Logger } from 'pino';
import { errorText } from './base/error-text.ts';
import { createLog } from './base/log.ts';
import { setUpRuntime } from './base/runtime.ts';
import { type Config, readConfig, SettingsError } from './base/settings.ts';
import { untilStopped } from './base/until-stopped.ts';
import { UsageError } from './base/usage-error.ts';
import { RegistryError } from './collector/silver/registry-file.ts';
import type { QueryArguments } from './commands/query/command.ts';
import type { ReadingsArguments } from './commands/readings/command.ts';
import type { ReportArguments } from './commands/report/command.ts';
import type { VerifyArguments } from './commands/verify/command.ts';

setUpRuntime();

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
      const { up } = await import('./commands/up/up.ts');
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
    finish(async (config, log) => {
      const { migrateCommand } = await import('./commands/migrate/command.ts');
      return migrateCommand(config, log);
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
      const { verifyCommand } = await import('./commands/verify/command.ts');
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
  .option(
    '--reclassify',
    'load nothing; classify what is stored by the registry as it is now: all of it, or the sensors and days of the files',
  )
  .addOption(new Option('--rejudge').hideHelp())
  .action((places: string[], options: { dryRun?: boolean; reclassify?: boolean; rejudge?: boolean }) =>
    finish(async (config, log) => {
      if (options.reclassify || options.rejudge) {
        const { reclassifyCommand } = await import('./commands/replay/reclassify-command.ts');
        return reclassifyCommand(config, log, places, options.dryRun === true);
      }
      const { replayCommand } = await import('./commands/replay/command.ts');
      return replayCommand(config, log, places, options.dryRun === true);
    }),
  );

program
  .command('query')
  .description('ask a query of db/queries by its name; without a name, list them with their questions')
  .argument('[name]', 'the query, such as latest')
  .addOption(
    new Option('--format <format>', 'how the answer is written')
      .choices(['table', 'csv', 'json'])
      .default('table'),
  )
  .option('--set <name=value>', 'give a parameter a value, an empty one for NULL; may be repeated', addTo, [])
  .option('--plain', 'the query for plain PostgreSQL, also where there is one for TimescaleDB')
  .option('--sql', 'print the query instead of asking it')
  .option('--timeout <seconds>', 'how long the answer may take, to its last row', wholeNumber, 60)
  .helpOption(false)
  .option('-h, --help', 'with a name: how to read its answer, and its parameters')
  .action(async (name: string | undefined, options: QueryArguments, command: Command) => {
    if (name === undefined && options.help) return command.outputHelp();
    if (name === undefined || options.help || options.sql) {
      const { catalogue } = await import('./commands/query/catalogue.ts');
      process.stdout.write(await catalogue(name, options.sql));
      return;
    }
    await finish(async (config, log) => {
      const { queryCommand } = await import('./commands/query/command.ts');
      return queryCommand(config, log, name, options);
    });
  });

program
  .command('readings')
  .description('print the readings of a sensor, oldest first')
  .requiredOption('--sensor <id>', 'the sensor, by the id that it sends')
  .requiredOption(
    '--from <time>',
    'readings from here on: a date, or ISO 8601; without an offset in SENSOR_TIMEZONE',
  )
  .requiredOption('--to <time>', 'readings before this time, or until the end of this date')
  .option('--page-number <n>', 'only this page, from 1', wholeNumber)
  .option('--page-size <n>', 'readings of a page (1000 where only the number is given)', wholeNumber)
  .addOption(
    new Option('--format <format>', 'default: table on a terminal, ndjson elsewhere').choices([
      'ndjson',
      'csv',
      'table',
    ]),
  )
  .action((options: ReadingsArguments) =>
    finish(async (config, log) => {
      const { readingsCommand } = await import('./commands/readings/command.ts');
      return readingsCommand(config, log, options);
    }),
  );

program
  .command('report')
  .description('write the quality report of a day, an HTML page')
  .option('--date <date>', 'the UTC date, such as 2025-11-12 (default: yesterday)', utcDay)
  .option('--out <file>', 'where to; - is standard output (default: sluice-report-DATE.html)')
  .option('--charts <n>', 'charts of this many sensors, the worst first', wholeNumberOrNone, 50)
  .action((options: ReportArguments) =>
    finish(async (config, log) => {
      const { reportCommand } = await import('./commands/report/command.ts');
      return reportCommand(config, log, options);
    }),
  );

const sensors = program.command('sensors').description('bring the sensor registry in or out, as CSV');

sensors
  .command('import')
  .description('add and change sensors as a CSV file says; all of it, or nothing where a line is wrong')
  .argument('<file>', 'the file; - is standard input')
  .option('--prune', 'also remove the sensors that are not in the file')
  .action((file: string, options: { prune?: boolean }) =>
    finish(async (config, log) => {
      const { importCommand } = await import('./commands/sensors/command.ts');
      return importCommand(config, log, file, options);
    }),
  );

sensors
  .command('export')
  .description('write the sensor registry as a CSV file, which import takes back')
  .argument('<file>', 'the file; - is standard output')
  .action((file: string) =>
    finish(async (config, log) => {
      const { exportCommand } = await import('./commands/sensors/command.ts');
      return exportCommand(config, log, file);
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

/** Collects an option that may be repeated. */
function addTo(text: string, before: string[]): string[] {
  return [...before, text];
}

/** Checks a count of the command line. */
function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1 on.');
  return Number(text);
}

function wholeNumberOrNone(text: string): number {
  return text === '0' ? 0 : wholeNumber(text);
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
  const mendable = [SettingsError, RegistryError, UsageError].some(kind => error instanceof kind);
  return mendable ? 2 : 1;
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
