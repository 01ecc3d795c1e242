import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { untilStopped } from '../../base/signals.ts';
import { DataFolder, FolderInUseError } from '../../collector/bronze/data-folder.ts';
import { prepareRefresh, refreshStaleMinutes } from '../../collector/gold/refresh.ts';
import { configuredTopics } from '../../collector/payload/configured-topics.ts';
import { FileMemory } from '../../collector/payload/memory.ts';
import { startLoader, startRecorder } from '../../collector/pipeline.ts';
import { REGISTRY_CHANNEL, upsertSensors } from '../../collector/silver/registry.ts';
import { readRegistry } from '../../collector/silver/registry-file.ts';
import { connect } from '../../db/connect.ts';
import { migrate } from '../../db/migrate.ts';
import { Import, type Outcome, type Reading } from './import.ts';
import { ImportJournal } from './journal.ts';
import type { Mapping } from './mapping.ts';
import type { SourceFile } from './source-file.ts';
import type { Summary } from './summary.ts';
import { untilLoaded } from './until-loaded.ts';

/** What is to be imported, and who is told how it goes. */
export interface Task {
  files: SourceFile[];
  mapping: Mapping | undefined;
  reading: Reading;
  onProgress: (bytes: number, rows: number, file: string) => void;
  onOutcome: (outcome: Outcome) => void;
}

/**
 * Records files in the data folder, loads them as a collector does, and refreshes the means.
 * @returns what the loader and the refresh have done; nothing where not everything is loaded.
 * @throws where a collector that runs has the folder, or the disk or the database refuses.
 */
export async function importFiles(
  config: Config,
  log: Logger,
  { files, mapping, reading, onProgress, onOutcome }: Task,
): Promise<Pick<Summary, 'loaded' | 'minutes'>> {
  const sensors = await readRegistry(config.SENSORS_FILE);
  const topics = configuredTopics(config, new FileMemory(join(config.DATA_DIR, 'formats.jsonl')));
  await migrate(config.DATABASE_URL, (message, level) => log[level](message));
  await using undo = new AsyncDisposableStack();
  const folder = await lockFolder(config);
  undo.defer(() => folder.unlock());
  const journal = undo.use(await ImportJournal.open(config.DATA_DIR));
  if (mapping !== undefined) await register(config, mapping);
  const stopped = new AbortController();
  void untilStopped().then(() => stopped.abort());
  const lost = folder.lost.then(error => {
    throw error;
  });
  const parts = { config, folder, topics, log, undo };
  const recorder = await startRecorder(parts);
  const loader = startLoader(parts, recorder, sensors);
  const run = async () => {
    const importing = new Import({
      ...reading,
      recorder,
      loader,
      journal,
      signal: stopped.signal,
      onProgress,
    });
    for await (const outcome of importing.run(files)) onOutcome(outcome);
    return await untilLoaded(loader, stopped.signal);
  };
  const loaded = await Promise.race([run(), lost]);
  return loaded === undefined ? {} : { loaded, minutes: await refresh(config) };
}

async function lockFolder({ DATA_DIR, MQTT_CLIENT_ID }: Config): Promise<DataFolder> {
  try {
    return await DataFolder.lock(DATA_DIR, MQTT_CLIENT_ID);
  } catch (error) {
    if (!(error instanceof FolderInUseError)) throw error;
    throw new Error(
      `${DATA_DIR} is the data folder of a collector that runs (process ${error.holder.pid} on ${error.holder.host}). Stop it for the import, or import into a ` +
        'folder of its own: --data FOLDER. It is a further collector then, which `sluice verify --data FOLDER` includes.',
      { cause: error },
    );
  }
}

/** Puts the sensors of a mapping into the registry, and tells the collectors. */
async function register({ DATABASE_URL }: Config, mapping: Mapping): Promise<void> {
  const client = await connect(DATABASE_URL, 'sluice import', () => undefined);
  try {
    await upsertSensors(client, mapping.sensors);
    await client.query(`NOTIFY ${REGISTRY_CHANNEL}`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** @returns how many minutes were recomputed; null: a collector does it. */
async function refresh({ DATABASE_URL }: Config): Promise<number | null> {
  const client = await connect(DATABASE_URL, 'sluice import', () => undefined);
  try {
    await prepareRefresh(client);
    return (await refreshStaleMinutes(client)) ?? null;
  } finally {
    await client.end().catch(() => undefined);
  }
}
