import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type pg from 'pg';
import type { Logger } from 'pino';

import type { Config } from '../../base/config.ts';
import { UsageError } from '../../base/errors.ts';

import { isLocked } from '../../collector/bronze/data-folder.ts';
import { nameCollector, readCollectorName } from '../../collector/bronze/folder-identity.ts';
import { rawFolder } from '../../collector/bronze/raw-file-name.ts';
import { configuredTopics } from '../../collector/payload/configured-topics.ts';
import type { Topics } from '../../collector/payload/topics.ts';
import { upsertSensors } from '../../collector/silver/registry.ts';
import { readRegistry } from '../../collector/silver/registry-file.ts';
import { prepareStaging } from '../../collector/silver/staged-store.ts';
import { connect } from '../../db/connect.ts';
import { explainLack } from '../../db/lacking.ts';
import { migrate } from '../../db/migrate.ts';
import { repeated, utcDay } from '../options.ts';
import { counted } from '../output/counted.ts';
import { toEnd } from '../run.ts';
import { type ArchiveArguments, type ArchivePlace, archivesOf, replayArchives } from './archives.ts';
import type { Folder } from './claims.ts';
import { findFiles, type ReplayFile } from './files.ts';
import { Prune, type Pruned } from './prune.ts';
import { reclassifyCommand } from './reclassify-command.ts';
import { refresh, refreshText } from './refresh.ts';
import { decideRejected, isRejectedPlace } from './rejected.ts';
import { Replay } from './replay.ts';
import { ReplayReport } from './report.ts';

interface ReplayArguments extends ArchiveArguments {
  dryRun?: boolean;
  prune?: boolean;
  /** Data folders of further collectors. */
  data: string[];
  reclassify?: boolean;
  /** Its former name. */
  rejudge?: boolean;
  json?: boolean;
}

export default (command: Command) =>
  command
    .argument(
      '[place...]',
      'files and folders; data/rejected: decide about rejected messages again; s3://bucket/prefix: an archive, or what is below that',
    )
    .option('--dry-run', 'only say what it would do')
    .option(
      '--prune',
      'also remove what an earlier topics file found in the files, and neither the present one nor any other line says; as the owner of the tables',
    )
    .option(
      '--data <folder>',
      'with --prune: the data folder of another collector that loads into the same database; may be repeated',
      repeated,
      [],
    )
    .option(
      '--reclassify',
      'load nothing; classify what is stored by the registry as it is now: all of it, or the sensors and days of the files',
    )
    .addOption(new Option('--rejudge').hideHelp())
    .option('--json', 'what was done, as JSON, when all of it is done')
    .option('--from-archive', 'what is in the archive (ARCHIVE_URL)')
    .option('--date <date>', 'of an archive: only files of this UTC date, such as 2025-11-12', utcDay)
    .option('--collector <id>', 'of an archive: only files of this collector')
    .action(
      toEnd((config, log, places: string[], given: ReplayArguments) => {
        const { dryRun = false, json = false, reclassify, rejudge } = given;
        const archives = archivesOf(config, places, given);
        if (archives.length > 0 && (reclassify || rejudge || given.prune))
          throw new UsageError('--reclassify and --prune take files and folders, and no archive.');
        if (!reclassify && !rejudge) return replayCommand(config, log, places, archives, given);
        if (given.prune)
          throw new UsageError('--prune and --reclassify are two commands: give them one after the other.');
        return reclassifyCommand(config, log, places, { dryRun, json });
      }),
    );

/**
 * `sluice replay`: loads raw files, prints a row for each and a sum for each entry of the topics file, and refreshes the means.
 * @returns whether every file was loaded.
 */
async function replayCommand(
  config: Config,
  log: Logger,
  places: string[],
  archives: ArchivePlace[],
  { dryRun = false, prune = false, json = false, data }: ReplayArguments,
): Promise<boolean> {
  const sensors = await readRegistry(config.SENSORS_FILE);
  const topics = configuredTopics(config);
  const report = new ReplayReport(dryRun, !json);
  const rejected = places.filter(place => isRejectedPlace(place, config.DATA_DIR));
  if (rejected.length > 0) {
    if (rejected.length < places.length)
      throw new UsageError('Rejected messages and raw files are replayed one after the other: name either.');
    const decided = await decideRejected(config, topics, rejected, log, dryRun);
    report.addRejected(decided.counts);
    if (dryRun || decided.files.length === 0) {
      if (json) printJson({ dryRun, ...contentOf(report) });
      return true;
    }
    // What was recorded is loaded as any raw file.
    places = decided.files;
  }
  const files = archives.length > 0 ? [] : await findFiles(places, config.DATA_DIR);
  if (!dryRun) await migrate(config.DATABASE_URL, (message, level) => log[level](message));
  const open = () =>
    connect(config.DATABASE_URL, 'sluice replay', error => log.debug({ err: error }, 'connection lost'));
  const collector =
    (await (dryRun
      ? readCollectorName(config.DATA_DIR)
      : nameCollector(config.DATA_DIR, config.MQTT_CLIENT_ID))) ?? '';
  // What a dry run would remove stands in a table of its connection.
  let pruned: pg.Client | undefined;
  const replay = new Replay({
    connect: async () => {
      const client = pruned ?? (await open());
      pruned = undefined;
      if (dryRun) return client;
      await upsertSensors(client, sensors);
      await prepareStaging(client);
      return client;
    },
    collector,
    folder: rawFolder(config.DATA_DIR),
    topics,
    log,
    lateMinutes: config.LATE_MINUTES,
    collecting: await isLocked(config.DATA_DIR),
    prune,
    dryRun,
  });
  try {
    if (prune) {
      const folder = { dataDir: config.DATA_DIR, collector };
      pruned = await open();
      const others = await foldersAt(data);
      report.addPruned(await pruneFiles(pruned, { config, log, files, folder, topics, others, dryRun }));
    }
    const isArchived = archives.length > 0;
    const work = { replay, open, collector, dryRun };
    await report.addFiles(isArchived ? replayArchives(config, log, archives, work) : replay.run(files));
  } catch (error) {
    // Without --dry-run it has migrated itself.
    throw dryRun ? await explainLack(error, config.DATABASE_URL) : error;
  } finally {
    replay.end();
    await pruned?.end();
  }
  const { forgotten, refused } = replay;
  if (!json) process.stdout.write(notes(forgotten, refused));
  const refreshed = dryRun ? undefined : await refresh(await open());
  if (json)
    printJson({ dryRun, ...contentOf(report), forgotten, refused, minutesRefreshed: refreshed ?? null });
  else if (!dryRun) process.stdout.write(refreshText(refreshed));
  return refused.length === 0;
}

function contentOf({ files, entries, total, pruned, rejectedMessages }: ReplayReport) {
  return { files, entries, total, pruned, rejectedMessages };
}

function printJson(done: object): void {
  process.stdout.write(`${JSON.stringify(done, null, 2)}\n`);
}

function notes({ lines, before }: Replay['forgotten'], refused: readonly string[]): string {
  const skipped = `${counted(lines, 'line')} ${lines === 1 ? 'was' : 'were'} skipped: loaded once, and silver keeps nothing from before ${before} (SILVER_RETENTION_DAYS).`;
  return [...(lines > 0 ? [skipped] : []), ...refused].map(note => `${note}\n`).join('');
}

interface Pruning {
  config: Config;
  log: Logger;
  files: ReplayFile[];
  folder: Folder;
  others: Folder[];
  topics: Topics;
  dryRun: boolean;
}

async function pruneFiles(
  client: pg.Client,
  { config, log, files, dryRun, ...options }: Pruning,
): Promise<Pruned[]> {
  const prune = await Prune.prepare(client, { ...options, zone: config.SENSOR_TIMEZONE, log });
  const found = await prune.find(files);
  if (!dryRun) await prune.remove();
  return found;
}

async function foldersAt(paths: string[]): Promise<Folder[]> {
  return Promise.all(
    paths.map(async path => {
      const collector = await readCollectorName(resolve(path));
      if (collector !== undefined) return { dataDir: resolve(path), collector };
      throw new UsageError(
        `No collector has recorded in ${path} yet: --data names the folder of another collector.`,
      );
    }),
  );
}
