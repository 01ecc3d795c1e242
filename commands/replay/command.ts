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
import { counted } from '../output/counted.ts';
import { toEnd } from '../run.ts';
import { findFiles } from './files.ts';
import { reclassifyCommand } from './reclassify-command.ts';
import { refresh, refreshText } from './refresh.ts';
import { Replay, type Replayed } from './replay.ts';

interface ReplayArguments {
  dryRun?: boolean;
  reclassify?: boolean;
  /** Its former name. */
  rejudge?: boolean;
  json?: boolean;
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
    .option('--json', 'what was done, as JSON, when all of it is done')
    .action(
      toEnd((config, log, places: string[], given: ReplayArguments) => {
        const { dryRun = false, json = false, reclassify, rejudge } = given;
        const command = reclassify || rejudge ? reclassifyCommand : replayCommand;
        return command(config, log, places, { dryRun, json });
      }),
    );

/**
 * `sluice replay`: loads raw files, prints a row for each, and refreshes the means.
 * @returns whether every file was loaded.
 */
async function replayCommand(
  config: Config,
  log: Logger,
  places: string[],
  { dryRun, json }: { dryRun: boolean; json: boolean },
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
  const table = new RowTable(dryRun, !json);
  try {
    for await (const row of replay.run(files)) table.add(row);
    table.end();
  } catch (error) {
    // Without --dry-run it has migrated itself.
    throw dryRun ? await explainLack(error, config.DATABASE_URL) : error;
  } finally {
    replay.end();
  }
  const { forgotten, refused } = replay;
  if (!json) process.stdout.write(notes(forgotten, refused));
  const refreshed = dryRun ? undefined : await refresh(await open());
  if (json) {
    const { rows, total } = table;
    const done = { dryRun, files: rows, total, forgotten, refused, minutesRefreshed: refreshed ?? null };
    process.stdout.write(`${JSON.stringify(done, null, 2)}\n`);
  } else if (!dryRun) process.stdout.write(refreshText(refreshed));
  return refused.length === 0;
}

function notes({ lines, before }: Replay['forgotten'], refused: readonly string[]): string {
  const skipped = `${counted(lines, 'line')} ${lines === 1 ? 'was' : 'were'} skipped: loaded once, and silver keeps nothing from before ${before} (SILVER_RETENTION_DAYS).`;
  return [...(lines > 0 ? [skipped] : []), ...refused].map(note => `${note}\n`).join('');
}

const columns = ['lines', 'stored', 'present', 'conflicts', 'rejected'] as const;

/** A row a file, printed as it comes where people look on, and their sum. */
class RowTable {
  readonly rows: Replayed[] = [];
  readonly total = { lines: 0, stored: 0, present: 0, conflicts: 0, rejected: 0 };
  readonly #isPrinted: boolean;

  constructor(dryRun: boolean, isPrinted: boolean) {
    this.#isPrinted = isPrinted;
    this.#print(dryRun ? 'file (dry run: what would be done)' : 'file', columns);
  }

  add(row: Replayed): void {
    this.rows.push(row);
    for (const column of columns) this.total[column] += row[column];
    this.#print(
      row.file,
      columns.map(column => row[column]),
    );
  }

  end(): void {
    this.#print(
      counted(this.rows.length, 'file'),
      columns.map(column => this.total[column]),
    );
  }

  #print(name: string, cells: readonly (string | number)[]): void {
    if (!this.#isPrinted) return;
    process.stdout.write(`${name.padEnd(40)}${cells.map(cell => String(cell).padStart(12)).join('')}\n`);
  }
}
