import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { zoneOf } from '../../base/time.ts';
import type { TimeUnit } from '../../collector/payload/times.ts';
import { ProgressBar } from '../output/progress-bar.ts';
import { toEnd } from '../run.ts';
import { type ColumnNames, measurementColumns, parseColumns } from './columns.ts';
import type { Outcome, Reading } from './import.ts';
import { importFiles } from './import-files.ts';
import { ImportJournal } from './journal.ts';
import { LineMaker } from './line-maker.ts';
import { Mapping } from './mapping.ts';
import { Places } from './places.ts';
import { preview } from './preview.ts';
import { type Summary, summaryText, sumOf } from './summary.ts';

interface ImportArguments {
  sensors?: string;
  columns?: ColumnNames;
  unit: TimeUnit;
  zone?: string;
  data?: string;
  dryRun?: boolean;
  json?: boolean;
}

export default (command: Command) =>
  command
    .argument('<source...>', 'files, folders, and s3://bucket/prefix (see ARCHIVE_ENDPOINT)')
    .option(
      '--sensors <file>',
      'the sensors: a file with the columns sensor_name and sensor_uuid. Measurements may name either; the uuid becomes the id',
    )
    .option(
      '--columns <names>',
      'which columns hold what, as sensor=NAME,time=NAME,value=NAME; found by usual names where it says nothing. Numbers: CSV without a header',
      parseColumns,
    )
    .addOption(
      new Option(
        '--unit <unit>',
        'what times are: auto tells ISO 8601 and Unix time in s, ms, us or ns by its size',
      )
        .choices(['auto', 'iso', 's', 'ms', 'us', 'ns'])
        .default('auto'),
    )
    .option(
      '--zone <zone>',
      'time zone of times that name no offset, such as Europe/Berlin (default: SENSOR_TIMEZONE)',
      timeZone,
    )
    .option(
      '--data <folder>',
      'record into this data folder, a further collector in the ledger, instead of DATA_DIR',
    )
    .option('--dry-run', 'only read the files, and say what would be done')
    .option('--json', 'the result as JSON')
    .action(toEnd(importCommand));

/**
 * `sluice import`: records the measurements of files in raw files, loads them, and refreshes the means.
 * @returns whether every row of every file was taken.
 */
async function importCommand(
  settings: Config,
  log: Logger,
  places: string[],
  given: ImportArguments,
): Promise<boolean> {
  const config = given.data === undefined ? settings : { ...settings, DATA_DIR: resolve(given.data) };
  const began = performance.now();
  using sources = new Places(config);
  const mapping =
    given.sensors === undefined ? undefined : await Mapping.read(await sources.open(given.sensors));
  const { files, others } = await sources.find(places, given.sensors);
  const reading = readingOf(given, mapping, given.zone ?? config.SENSOR_TIMEZONE);
  const bar = new ProgressBar(files.reduce((sum, file) => sum + file.bytes, 0));
  const progress = { bytes: 0, rows: 0 };
  const onProgress = (bytes: number, rows: number, file: string) => {
    progress.bytes += bytes;
    progress.rows += rows;
    const rate = Math.round((progress.rows * 1000) / (performance.now() - began));
    bar.show(progress.bytes, `${rate.toLocaleString('en')} rows/s ${file}`);
  };
  const onOutcome = (outcome: Outcome) => outcomes.push(outcome);
  const outcomes: Outcome[] = [];
  const summary: Summary = {
    files: outcomes,
    others,
    dryRun: given.dryRun ?? false,
    unknownSensors: [],
    seconds: 0,
  };
  if (summary.dryRun) {
    for await (const outcome of preview(
      files,
      reading,
      await ImportJournal.read(config.DATA_DIR),
      onProgress,
    ))
      onOutcome(outcome);
  } else {
    Object.assign(
      summary,
      await importFiles(config, log, { files, mapping, reading, onProgress, onOutcome }),
    );
  }
  bar.clear();
  summary.unknownSensors = [...reading.maker.unknown];
  summary.seconds = (performance.now() - began) / 1000;
  process.stdout.write(
    given.json ? `${JSON.stringify({ ...summary, ...sumOf(outcomes) }, null, 2)}\n` : summaryText(summary),
  );
  return (
    (summary.dryRun || summary.loaded !== undefined) &&
    outcomes.every(({ state, rejected }) => (state === 'imported' || state === 'present') && rejected === 0)
  );
}

function readingOf(
  { columns = {}, unit }: ImportArguments,
  mapping: Mapping | undefined,
  zone: string,
): Reading {
  return {
    selection: measurementColumns(columns),
    maker: new LineMaker({ mapping, zone: zoneOf(zone), unit, now: Date.now() }),
    digest: createHash('sha256')
      .update(JSON.stringify([columns, unit, zone, mapping?.digest]))
      .digest('hex')
      .slice(0, 16),
  };
}

/** A time zone of the IANA database. @throws {InvalidArgumentError} */
function timeZone(name: string): string {
  try {
    zoneOf(name);
    return name;
  } catch {
    throw new InvalidArgumentError('It must be a time zone such as Europe/Berlin.');
  }
}
