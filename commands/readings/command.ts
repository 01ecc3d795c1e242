import { type Command, Option } from 'commander';
import type { ClientBase } from 'pg';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { UsageError } from '../../base/errors.ts';
import { formatTime, zoneOf } from '../../base/time.ts';
import { readingBatches } from '../../collector/silver/readings.ts';
import { withDatabase } from '../database.ts';
import { findSensor } from '../find-sensor.ts';
import { demand, wholeNumber } from '../options.ts';
import { writeToStandardOutput } from '../output/standard-output.ts';
import { toEnd } from '../run.ts';
import { formatReadings, type ReadingsFormat } from './format.ts';
import { parseRange, type TimeRange } from './range.ts';

interface Given extends Omit<ReadingsArguments, 'sensor' | 'from' | 'to'> {
  sensor?: string;
  sensorName?: string;
  from?: string;
  startTimestamp?: string;
  to?: string;
  endTimestamp?: string;
  json?: boolean;
}

interface ReadingsArguments {
  sensor: string;
  from: string;
  to: string;
  /** From 1. */
  pageNumber?: number;
  pageSize?: number;
  /** Default: a table on a terminal, NDJSON elsewhere. */
  format?: ReadingsFormat;
}

const PAGE_SIZE = 1000;

export default (command: Command) =>
  command
    .option('--sensor <id>', 'the sensor, by the id that it sends, or by its name in the registry (required)')
    .option(
      '--from <time>',
      'readings from here on: a date, or ISO 8601; without an offset in SENSOR_TIMEZONE (required)',
    )
    .option('--to <time>', 'readings before this time, or until the end of this date (required)')
    .addOption(new Option('--sensor-name <id>').hideHelp())
    .addOption(new Option('--start-timestamp <time>').hideHelp())
    .addOption(new Option('--end-timestamp <time>').hideHelp())
    .option('--page-number <n>', 'only this page, from 1', wholeNumber(1))
    .option('--page-size <n>', 'readings of a page (1000 where only the number is given)', wholeNumber(1))
    .addOption(
      new Option('--format <format>', 'default: table on a terminal, ndjson elsewhere').choices([
        'ndjson',
        'csv',
        'table',
      ]),
    )
    .option('--json', 'the same as --format ndjson')
    .addHelpText(
      'after',
      '\n--sensor-name, --start-timestamp and --end-timestamp mean --sensor, --from and --to.',
    )
    .action((given: Given) => toEnd(readingsCommand)(argumentsOf(given)));

function argumentsOf(given: Given): ReadingsArguments {
  if (given.json && (given.format ?? 'ndjson') !== 'ndjson')
    throw new UsageError('--json is --format ndjson: give one of the two.');
  const named = demand({
    '--sensor': given.sensor ?? given.sensorName,
    '--from': given.from ?? given.startTimestamp,
    '--to': given.to ?? given.endTimestamp,
  });
  return {
    ...given,
    sensor: named['--sensor'],
    from: named['--from'],
    to: named['--to'],
    ...(given.json ? { format: 'ndjson' as const } : {}),
  };
}

/**
 * `sluice readings`: writes the readings of a sensor to standard output, in constant memory. A reader that has enough
 * and closes the pipe (`| head`) ends it.
 * @throws {UsageError} for times that are none, and for a sensor that nobody knows.
 */
async function readingsCommand(config: Config, log: Logger, given: ReadingsArguments): Promise<boolean> {
  const range = parseRange(given.from, given.to, zoneOf(config.SENSOR_TIMEZONE));
  return await withDatabase(config, log, 'sluice readings', async client => {
    const { id, unit } = await findSensor(client, given.sensor);
    const selection = { sensorId: id, ...range, ...pageOf(given) };
    let isEmpty = true;
    const batches = async function* () {
      for await (const batch of readingBatches(client, selection)) {
        isEmpty = false;
        yield batch;
      }
    };
    const format = given.format ?? (process.stdout.isTTY ? 'table' : 'ndjson');
    const isRead = await writeToStandardOutput(formatReadings(batches(), format, unit));
    if (isRead && isEmpty)
      process.stderr.write(`${await whyEmpty(client, { ...given, sensor: id }, range)}\n`);
    return true;
  });
}

function pageOf({ pageNumber, pageSize }: ReadingsArguments): { skip?: number; limit?: number } {
  if (pageNumber === undefined && pageSize === undefined) return {};
  const limit = pageSize ?? PAGE_SIZE;
  return { skip: ((pageNumber ?? 1) - 1) * limit, limit };
}

/** What tells an empty time range from a sensor that is silent, and from a page beyond the last. */
async function whyEmpty(client: ClientBase, given: ReadingsArguments, range: TimeRange): Promise<string> {
  const name = JSON.stringify(given.sensor);
  const { rows } = await client.query<{ first: string | null; last: string | null; inside: boolean | null }>(
    `SELECT to_char(min(time), $4) AS first, to_char(max(time), $4) AS last,
       EXISTS (SELECT FROM silver.sensor_reading WHERE sensor_id = $1 AND time >= $2 AND time < $3) AS inside
     FROM silver.sensor_reading WHERE sensor_id = $1`,
    [given.sensor, formatTime(range.from), formatTime(range.to), 'YYYY-MM-DD"T"HH24:MI:SS"Z"'],
  );
  const { first, last, inside } = rows[0]!;
  if (first === null) return `${name} is registered, but has no readings.`;
  if (inside) return `The readings of ${name} end before page ${given.pageNumber}.`;
  return `No readings of ${name} in that time; there are some from ${first} to ${last}.`;
}
