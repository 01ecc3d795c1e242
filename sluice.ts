import { setUpRuntime } from './base/runtime.ts';
import { type Entry, runProgram } from './commands/program.ts';

setUpRuntime();

/** The commands. Only the one that is asked for is loaded: a collector has no use for the memory of the others. */
const commands: Entry[] = [
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
    'topics',
    'print the topic filters that the collector subscribes to, one a line',
    () => import('./commands/topics/command.ts'),
  ],
  [
    'check',
    'look at settings, broker, database, disk, clock and ports: a line each, OK or what to do',
    () => import('./commands/check/command.ts'),
  ],
  [
    'sniff',
    'show what a broker delivers and what the topics file makes of it; suggest a topics file',
    () => import('./commands/sniff/command.ts'),
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
    'lake',
    'write what Spark and DuckDB make their tables of; compare a lake with PostgreSQL; export a day as Parquet',
    () => import('./commands/lake/command.ts'),
  ],
  [
    'outlets',
    'show how far each outlet has sent; let one send again from a date on',
    () => import('./commands/outlets/command.ts'),
  ],
  [
    'import',
    'bring in measurements from files: CSV, JSON, JSON Lines or Parquet, also from object storage',
    () => import('./commands/import/command.ts'),
  ],
  [
    'alerts',
    'show the alerts that are not over, and those of the last day; test a receiver',
    () => import('./commands/alerts/command.ts'),
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

await runProgram(commands);
