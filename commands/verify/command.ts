import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { ClientBase } from 'pg';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { errorText, UsageError } from '../../base/errors.ts';
import { ObjectStore } from '../../base/objects/object-store.ts';
import { readCollectorName } from '../../collector/bronze/folder-identity.ts';
import { configuredTopics } from '../../collector/payload/configured-topics.ts';
import { archivedCollectors } from '../../collector/retention/archive/archive-ledger.ts';
import { connect } from '../../db/connect.ts';
import { findSensor } from '../find-sensor.ts';
import { repeated, utcDay, wholeNumber } from '../options.ts';
import { toEnd } from '../run.ts';
import { type ArchiveOptions, verifyArchive } from './archive.ts';
import { Turn } from './changed.ts';
import { Differences } from './difference.ts';
import { type Report, reportText } from './report.ts';
import { type Folder, verify, verifyChanged } from './verify.ts';

/** How long --changed goes on, unless it is said. */
const MINUTES = 10;

interface VerifyArguments {
  date?: string;
  sensor?: string;
  /** Data folders of further collectors. */
  data: string[];
  onlyMine?: boolean;
  exhaustive?: boolean;
  changed?: boolean;
  minutes?: number;
  archive?: boolean;
  deep?: boolean;
  json?: boolean;
}

export default (command: Command) =>
  command
    .option('--date <date>', 'only readings of this UTC date, such as 2025-11-12', utcDay)
    .option('--sensor <id>', 'only readings of this sensor')
    .option(
      '--data <folder>',
      'the data folder of another collector that loads into the same database; may be repeated',
      repeated,
      [],
    )
    .option('--only-mine', 'collectors whose data folders are not named are no reason for exit status 1')
    .option(
      '--exhaustive',
      'also what other settings or another version of Sluice may have judged otherwise: late marks, inexact values, how many readings were expected, why a line was rejected',
    )
    .option(
      '--changed',
      'only files that were loaded since the last time, then those that were not looked at for longest; noted in bronze.raw_file',
    )
    .option(
      '--minutes <n>',
      'with --changed: begin no further files after so long (default: 10)',
      wholeNumber(0, 1440),
    )
    .option('--archive', 'also the objects of the archive (ARCHIVE_URL), by their checksums')
    .option(
      '--deep',
      'with --archive: read every object, and compare it with the file where that is still there',
    )
    .option('--json', 'the report as JSON')
    .action(toEnd(verifyCommand));

/**
 * `sluice verify`: compares the raw files with the database and prints what it found.
 * @returns whether nothing differs.
 * @throws {UsageError} where no collector has recorded in a folder, or nothing is known of the sensor.
 */
async function verifyCommand(config: Config, log: Logger, given: VerifyArguments): Promise<boolean> {
  const { date, sensor, data, onlyMine = false, exhaustive = false, deep = false, json } = given;
  const turn = turnOf(given);
  const url = given.archive ? config.ARCHIVE_URL : undefined;
  if (given.archive && url === undefined) throw new UsageError('--archive needs ARCHIVE_URL.');
  if (deep && !given.archive) throw new UsageError('--deep is for --archive.');
  const own = await folderAt(config.DATA_DIR, 'DATA_DIR');
  const others = await Promise.all(data.map(path => folderAt(resolve(path), '--data')));
  const topics = configuredTopics(config);
  const client = await connect(config.DATABASE_URL, 'sluice verify', error =>
    log.debug({ err: error }, 'connection lost'),
  );
  try {
    await demandSchema(client);
    if (url !== undefined) others.push(...(await archivedFolders(client, own, others)));
    const options = {
      ...own,
      others: others.filter(({ collector }) => collector !== own.collector),
      topics,
      zone: config.SENSOR_TIMEZONE,
      date,
      sensor,
      onlyMine,
      exhaustive,
      lateMinutes: config.LATE_MINUTES,
      retention: { raw: config.RAW_RETENTION_DAYS, silver: config.SILVER_RETENTION_DAYS },
    };
    const report =
      turn === undefined ? await verify(client, options) : await verifyChanged(client, { ...options, turn });
    // A name that nothing is known of would prove everything.
    if (sensor !== undefined && report.total.files === 0) await findSensor(client, sensor);
    if (url !== undefined) await addArchive(report, client, config, url, { own, deep, date, sensor });
    process.stdout.write(json ? jsonOf(report) : reportText(report));
    return report.ok;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** As JSON. Of changed files there is no list: the collector, which reads it, has no use for one, and little room. */
function jsonOf({ files, ...report }: Report): string {
  return `${JSON.stringify(report.changed === undefined ? { ...report, files } : report, null, 2)}\n`;
}

/** @throws {UsageError} where --changed or --minutes stands beside what does not go with it. */
function turnOf({ changed, minutes, ...given }: VerifyArguments): Turn | undefined {
  if (!changed) {
    if (minutes !== undefined) throw new UsageError('--minutes is for --changed.');
    return undefined;
  }
  const { date, sensor, data, archive } = given;
  if (date !== undefined || sensor !== undefined || data.length > 0 || archive)
    throw new UsageError(
      '--changed looks at our own folder, all dates and sensors of it: it goes with no --date, --sensor, --data, --archive.',
    );
  return new Turn(minutes ?? MINUTES);
}

/** Adds what is found of the archive to a report. One that cannot be asked is a difference: all else that was found counts. */
async function addArchive(
  report: Report,
  client: ClientBase,
  config: Config,
  url: string,
  options: ArchiveOptions,
): Promise<void> {
  const differences = new Differences();
  try {
    using store = await ObjectStore.open(config, url);
    report.archive = await verifyArchive(client, store, options, differences);
  } catch (error) {
    differences.add({ kind: 'archive', file: url, what: `cannot be asked: ${errorText(error)}` });
  }
  report.ok &&= differences.count === 0;
  report.differences.count += differences.count;
  report.differences.first.push(...differences.inOrder);
}

/** Collectors whose files are in the archive only have no data folder that could be named. */
async function archivedFolders(client: ClientBase, own: Folder, others: Folder[]): Promise<Folder[]> {
  const named = new Set([own, ...others].map(({ collector }) => collector));
  const collectors = (await archivedCollectors(client)).filter(collector => !named.has(collector));
  return collectors.map(collector => ({ dataDir: join(own.dataDir, 'no', collector), collector }));
}

async function folderAt(dataDir: string, setting: string): Promise<Folder> {
  const collector = await readCollectorName(dataDir);
  if (collector !== undefined) return { dataDir, collector };
  throw new UsageError(
    `No collector has recorded in ${dataDir} yet. Set ${setting} to the folder that is to be verified.`,
  );
}

async function demandSchema(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ known: boolean }>(
    "SELECT to_regclass('bronze.raw_file') IS NOT NULL AS known",
  );
  if (!rows[0]!.known) {
    throw new Error(
      'This database has no tables of Sluice. Set DATABASE_URL to the one that has, or run `sluice migrate`.',
    );
  }
}
