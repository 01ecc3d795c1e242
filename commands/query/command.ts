import { type Command, Option } from 'commander';
import pg from 'pg';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { UsageError } from '../../base/errors.ts';
import { connect, sever } from '../../db/connect.ts';
import { explainLack } from '../../db/lacking.ts';
import { repeated, wholeNumber } from '../options.ts';
import type { Answer } from '../output/answer.ts';
import { csv, json } from '../output/machine-formats.ts';
import { writeToStandardOutput } from '../output/standard-output.ts';
import { table } from '../output/table.ts';
import { toEnd } from '../run.ts';
import { ask } from './answer.ts';
import { catalogue } from './catalogue.ts';
import { bindQuery, type Needs, type QueryFile } from './query-file.ts';
import { choose, readShelf, takeQuery } from './shelf.ts';

/** Options of `sluice query`. */
interface QueryArguments {
  format: 'table' | 'csv' | 'json';
  /** `name=value`, as given. */
  set: string[];
  /** The query for plain PostgreSQL also where the server has TimescaleDB. */
  plain?: boolean;
  /** In seconds. */
  timeout: number;
  sql?: boolean;
  json?: boolean;
  help?: boolean;
}

/** What PostgreSQL takes, in ms, for statement_timeout. */
const MOST_SECONDS = Math.floor((2 ** 31 - 1) / 1000);

const formats: Record<QueryArguments['format'], (answer: Answer) => AsyncIterable<string>> = {
  table,
  csv,
  json,
};

export default (command: Command) =>
  command
    .argument('[name]', 'the query, such as latest')
    .addOption(
      new Option('--format <format>', 'how the answer is written')
        .choices(['table', 'csv', 'json'])
        .default('table'),
    )
    .addOption(new Option('--json', 'the same as --format json').conflicts('format'))
    .option(
      '--set <name=value>',
      'give a parameter a value, an empty one for NULL; may be repeated',
      repeated,
      [],
    )
    .option('--plain', 'the query for plain PostgreSQL, also where there is one for TimescaleDB')
    .option('--sql', 'print the query instead of asking it')
    .option(
      '--timeout <seconds>',
      'how long the answer may take, to its last row',
      wholeNumber(1, MOST_SECONDS),
      60,
    )
    .helpOption(false)
    .option('-h, --help', 'with a name: how to read its answer, and its parameters')
    .action(async (name: string | undefined, options: QueryArguments) => {
      if (name === undefined && options.help) command.outputHelp();
      else if (name === undefined || options.help || options.sql) {
        process.stdout.write(await catalogue(name, options.sql));
      } else await toEnd(queryCommand)(name, options);
    });

/**
 * `sluice query NAME`: runs a query of db/queries, read-only, and prints its answer as it comes.
 * @throws {UsageError} for a query or a parameter that does not exist, and for a value that is not of its type.
 */
async function queryCommand(config: Config, log: Logger, name: string, args: QueryArguments): Promise<true> {
  const query = takeQuery(await readShelf(), name);
  const given = new Map(args.set.map(assignment));
  bindQuery(query.plain, given);
  const client = await connect(config.DATABASE_URL, 'sluice query', error =>
    log.debug({ err: error }, 'connection lost'),
  );
  try {
    await checkValues(client, query.plain, given);
    const file = args.plain ? query.plain : choose(query, await offersOf(client));
    await client.query('BEGIN READ ONLY');
    await client.query("SELECT set_config('statement_timeout', $1, true)", [`${args.timeout}s`]);
    const format = args.json ? 'json' : args.format;
    await writeToStandardOutput(formats[format](await ask(client, bindQuery(file, given))));
    return true;
  } catch (error) {
    throw isTooLong(error) ? tooLong(error, args.timeout) : await explainLack(error, config.DATABASE_URL);
  } finally {
    // Nothing was written; and when nobody reads on, the rest of the answer is not waited for.
    sever(client);
  }
}

function assignment(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`--set takes name=value, not ${JSON.stringify(text)}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** Each value on its own, so that the error can name it. */
async function checkValues(client: pg.Client, { parameters }: QueryFile, given: Map<string, string>) {
  for (const { name, type } of parameters) {
    const value = given.get(name);
    if (!value) continue;
    try {
      await client.query(`SELECT $1::${type}`, [value]);
    } catch (error) {
      // Class 22: the value is not of the type. Everything else is not about the value.
      if (!(error instanceof pg.DatabaseError && error.code?.startsWith('22'))) throw error;
      throw new UsageError(`${name} must be of type ${type}: ${error.message}`);
    }
  }
}

/** What the server has for variants: under the Apache License, TimescaleDB lacks some functions. */
async function offersOf(client: pg.Client): Promise<Needs> {
  const { rows } = await client.query<{ license: string | null }>(
    "SELECT current_setting('timescaledb.license', true) AS license FROM pg_extension WHERE extname = 'timescaledb'",
  );
  if (rows.length === 0) return 'postgresql';
  return rows[0]!.license === 'timescale' ? 'community' : 'timescaledb';
}

function isTooLong(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '57014';
}

function tooLong(cause: unknown, timeout: number): Error {
  return new Error(
    `The answer took longer than ${timeout} s. Ask for less (a shorter time, one sensor), or allow more: --timeout ${timeout * 5}`,
    { cause },
  );
}
