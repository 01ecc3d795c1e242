import { type Command, Option } from 'commander';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { isLocked } from '../../collector/bronze/data-folder.ts';
import { nameCollector, readCollectorName } from '../../collector/bronze/folder-identity.ts';
import { rawFolder } from '../../collector/bronze/raw-file-name.ts';
import { configuredTopics } from '../../collector/payload/configured-topics.ts';
import { upsertSensors } from '../../collector/silver/registry.ts';
import { readRegistry } from '../../collector/silver/registry-file.ts';
import { prepareStaging } from '../../collector/silver/staged-store.ts';
import { connect } from '../../db/connect.ts';
import { explainLack } from '../../db/lacking.ts';
import { migrate } from '../../db/migrate.ts';
import { toEnd } from '../run.ts';
import { findFiles } from './files.ts';
import { reclassifyCommand } from './reclassify-command.ts';
import { refresh } from './refresh.ts';
import { Replay, type Replayed } from './replay.ts';

interface ReplayArguments {
  dryRun?: boolean;
  reclassify?: boolean;
  /** Its former name. */
  rejudge?: boolean;
}

export default (command: Command) =>
  command
    .argument('[place...]', 'files and folders')
    .option('--dry-run', 'only say what it would do')
    .option(
      '--reclassify',
      'load nothing; classify what is stored by the registry as it is now: all of it, or the sensors and days of the files',
    )
    .addOption(new Option('--rejudge').hideHelp())
    .action(
      toEnd((config, log, places: string[], { dryRun = false, reclassify, rejudge }: ReplayArguments) =>
        (reclassify || rejudge ? reclassifyCommand : replayCommand)(config, log, places, dryRun),
      ),
    );

/**
 * `sluice replay`: loads raw files, prints a row for each, and refreshes the means.
 * @returns whether every file was loaded.
 */
async function replayCommand(
  config: Config,
  log: Logger,
  places: string[],
  dryRun: boolean,
): Promise<boolean> {
  const sensors = await readRegistry(config.SENSORS_FILE);
  const files = await findFiles(places, config.DATA_DIR);
  if (!dryRun) await migrate(config.DATABASE_URL, (message, level) => log[level](message));
  const open = () =>
    connect(config.DATABASE_URL, 'sluice replay', error => log.debug({ err: error }, 'connection lost'));
  const replay = new Replay({
    connect: async () => {
      const client = await open();
      if (dryRun) return client;
      await upsertSensors(client, sensors);
      await prepareStaging(client);
      return client;
    },
    collector:
      (await (dryRun
        ? readCollectorName(config.DATA_DIR)
        : nameCollector(config.DATA_DIR, config.MQTT_CLIENT_ID))) ?? '',
    folder: rawFolder(config.DATA_DIR),
    topics: configuredTopics(config),
    log,
    lateMinutes: config.LATE_MINUTES,
    collecting: await isLocked(config.DATA_DIR),
    dryRun,
  });
  try {
    await printRows(replay.run(files), dryRun);
  } catch (error) {
    // Without --dry-run it has migrated itself.
    throw dryRun ? await explainLack(error, config.DATABASE_URL) : error;
  } finally {
    replay.end();
  }
  const { lines, before } = replay.forgotten;
  if (lines > 0) {
    process.stdout.write(
      `${lines} lines were skipped: they were loaded once, and silver keeps nothing from before ${before} (SILVER_RETENTION_DAYS).\n`,
    );
  }
  for (const refusal of replay.refused) process.stdout.write(`${refusal}\n`);
  if (!dryRun) await refresh(await open());
  return replay.refused.length === 0;
}

async function printRows(rows: AsyncIterable<Replayed>, dryRun: boolean): Promise<void> {
  const columns = ['lines', 'stored', 'present', 'conflicts', 'rejected'] as const;
  const print = (name: string, cells: readonly (string | number)[]) =>
    process.stdout.write(`${name.padEnd(40)}${cells.map(cell => String(cell).padStart(12)).join('')}\n`);
  const total = { lines: 0, stored: 0, present: 0, conflicts: 0, rejected: 0 };
  let files = 0;
  print(dryRun ? 'file (dry run: what would be done)' : 'file', columns);
  for await (const row of rows) {
    files++;
    print(
      row.file,
      columns.map(column => row[column]),
    );
    for (const column of columns) total[column] += row[column];
  }
  print(
    `${files} files`,
    columns.map(column => total[column]),
  );
}
