import { existsSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { errorText, UsageError } from './base/errors.ts';
import { setUpRuntime } from './base/runtime.ts';

setUpRuntime();

/** Gives a command its options and its action. */
type Describe = (command: Command) => unknown;

/** The commands: what each does, and its module. Only the one that is asked for is loaded: a collector has no use for the memory of the others. */
const commands: [name: string, description: string, load: () => Promise<{ default: Describe }>][] = [
  [
    'up',
    'run everything on this machine; broker and PostgreSQL are embedded unless MQTT_URL or DATABASE_URL is set',
    () => import('./commands/up/command.ts'),
  ],
  [
    'collect',
    'record what the broker delivers, load it, refresh the means',
    () => import('./commands/collect/command.ts'),
  ],
  ['generate', 'publish readings of simulated sensors', () => import('./commands/generate/command.ts')],
  [
    'migrate',
    'bring the database to the schema of this version',
    () => import('./commands/migrate/command.ts'),
  ],
  [
    'verify',
    'prove that the database holds what the raw files say; exit 1 and the first differences if not',
    () => import('./commands/verify/command.ts'),
  ],
  [
    'replay',
    'load raw files (.jsonl, .jsonl.gz) again or from elsewhere; by default all of the data folder',
    () => import('./commands/replay/command.ts'),
  ],
  [
    'query',
    'ask a query of db/queries by its name; without a name, list them with their questions',
    () => import('./commands/query/command.ts'),
  ],
  [
    'readings',
    'print the readings of a sensor, oldest first',
    () => import('./commands/readings/command.ts'),
  ],
  ['report', 'write the quality report of a day, an HTML page', () => import('./commands/report/command.ts')],
  ['sensors', 'bring the sensor registry in or out, as CSV', () => import('./commands/sensors/command.ts')],
];

/** The command line, with the command that `words` name ready to run. */
async function programFor(words: string[]): Promise<Command> {
  const program = new Command('sluice')
    .description(
      'An MQTT stream collector: raw JSONL files, a hypertable, one-minute means. Settings come from the environment.',
    )
    .exitOverride()
    .showHelpAfterError();
  // `sluice help NAME` wants its options too.
  const asked = words.filter(word => !word.startsWith('-')).slice(0, words[0] === 'help' ? 2 : 1);
  for (const [name, description, load] of commands) {
    const command = program.command(name).description(description);
    if (asked.includes(name)) (await load()).default(command);
  }
  return program;
}

/** 2 for what the user can mend in the call or the settings, 1 for everything else. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return error instanceof UsageError ? 2 : 1;
}

try {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const program = await programFor(process.argv.slice(2));
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
