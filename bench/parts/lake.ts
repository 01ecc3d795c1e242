import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readConfig } from '../../base/config.ts';
import { createLog } from '../../base/log.ts';
import { ObjectStore } from '../../base/objects/object-store.ts';
import { readCollectorName } from '../../collector/bronze/folder-identity.ts';
import { prepareRefresh, refreshStaleMinutes } from '../../collector/gold/refresh.ts';
import { Archiver } from '../../collector/retention/archive/archiver.ts';
import { until } from '../../test/harness/eventually.ts';
import { runDuckDb, runSpark, withoutDuckDb, withoutSpark } from '../../test/harness/lake-engines.ts';
import { type ArchiveSettings, startSeaweedFs } from '../../test/harness/seaweedfs.ts';
import type { Bench } from '../bench.ts';
import { BenchFolder, runSluice, startCollector } from '../collector-process.ts';
import { BenchDatabase } from '../database.ts';
import { loadStart } from '../load.ts';
import type { Plan } from '../plan.ts';
import { preparePublisher } from '../publication.ts';
import type { PartResult } from '../result.ts';
import { spread } from '../stats.ts';
import { startStream } from '../stream.ts';

const MEMBERS = 2;
const DAY_MS = 86_400_000;
const PATIENCE_MS = 3 * 3_600_000;
const log = createLog({ LOG_LEVEL: 'warn', LOG_FORMAT: 'json' }, process.stderr);

/** What took how long, by its name, in s. */
type Times = Map<string, number>;

/**
 * A day of readings goes from sensors through a stream to two collectors, into the database and the archive, and from there into
 * two lakes, each of which has to say what PostgreSQL says, to the last bit.
 */
export async function measureLake(bench: Bench, plan: Plan): Promise<PartResult> {
  const { readings, sensors } = plan.lake;
  await using stack = new AsyncDisposableStack();
  const storage = stack.use(await startSeaweedFs());
  const settings = await storage.settings();
  const database = stack.use(await BenchDatabase.create(bench));
  const times: Times = new Map();
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const began = performance.now();
    const result = await work();
    times.set(name, (performance.now() - began) / 1000);
    bench.print(`  ${name}: ${Math.round(readings / times.get(name)!).toLocaleString('en')} readings/s`);
    return result;
  };

  const folders: BenchFolder[] = [];
  for (let member = 0; member < MEMBERS; member++)
    folders.push(stack.use(await BenchFolder.create(bench, sensors)));
  await timed('sensors, JetStream, two collectors, PostgreSQL', () =>
    collect(bench, plan, database, folders),
  );
  await timed('the refresh of gold, of what was left', async () => {
    await prepareRefresh(database.client);
    // What a collector had begun when it stopped, its server's process ends by itself.
    const refreshed = async () => (await refreshStaleMinutes(database.client)) !== undefined;
    await until('gold is refreshed', refreshed, { ms: PATIENCE_MS, everyMs: 500, signal: bench.signal });
  });
  await timed('the archive', async () => {
    for (const folder of folders) await archive(folder, database, settings);
  });
  await timed('decoded readings and the day (sluice lake write)', async () => {
    for (const folder of folders)
      await succeed(bench, ['lake', 'write'], folder, { ...settings, DATABASE_URL: database.url });
  });

  const verify = (checks: string) =>
    succeed(bench, ['lake', 'verify', checks], folders[0]!, { DATABASE_URL: database.url });
  const engines: string[] = [];
  if (!withoutDuckDb) {
    const checks = join(bench.folder, 'checks.json');
    bench.print(
      await timed('DuckDB, from the archive to gold', () =>
        runDuckDb(settings, join(bench.folder, 'lake.duckdb'), checks),
      ),
    );
    await verify(checks);
    engines.push('DuckDB');
  }
  if (!withoutSpark) {
    const copy = join(bench.folder, 'lake');
    await download(settings, copy);
    const checks = join(bench.folder, 'checks');
    // Its executors have what the machine has; a cluster has its own.
    bench.print(
      await timed('Spark, from the archive to gold', () =>
        runSpark(copy, join(bench.folder, 'delta'), checks, {
          master: 'local[*]',
          memory: '4g',
          partitions: '16',
        }),
      ),
    );
    await verify(checks);
    engines.push('Spark');
    await rm(copy, { recursive: true });
  }
  await using empty = await BenchDatabase.create(bench);
  const ofEmpty = { ...settings, DATABASE_URL: empty.url };
  await succeed(bench, ['sensors', 'import', folders[0]!.env.SENSORS_FILE!], folders[0]!, ofEmpty);
  await timed('sluice replay --from-archive, to gold', () =>
    succeed(bench, ['replay', '--from-archive'], folders[0]!, ofEmpty),
  );
  return {
    title: 'From the sensor to the lake',
    method:
      `${readings.toLocaleString('en')} readings of ${sensors.toLocaleString('en')} sensors, of one day: published by MQTT to NATS, whose ` +
      `stream ${MEMBERS} collectors share (RAW_PARTITION=hour), loaded into one PostgreSQL, copied to SeaweedFS. ` +
      `${engines.join(' and ')} made silver and gold of it; sluice lake verify found each equal to PostgreSQL to the last bit. Rates are of ` +
      'readings, each step by itself on all cores of this machine; Spark with its start, on a copy of the archive. One round.',
    columns: [{ title: '' }, { title: 'readings/s' }, { title: 's', digits: 1 }],
    rows: [...times].map(([name, seconds]) => [name, spread([readings / seconds]), spread([seconds])]),
    figures: Object.fromEntries(
      engines.map(engine => [
        `${engine} to replay`,
        spread([
          times.get('sluice replay --from-archive, to gold')! /
            times.get(`${engine}, from the archive to gold`)!,
        ]),
      ]),
    ),
    rounds: Object.fromEntries(times),
  };
}

/** Until every reading is stored, and every collector has stopped. */
async function collect(
  bench: Bench,
  { lake: { readings, sensors } }: Plan,
  database: BenchDatabase,
  folders: readonly BenchFolder[],
): Promise<void> {
  await using stream = await startStream();
  const collectors: Awaited<ReturnType<typeof startCollector>>[] = [];
  // One after the other: the first one makes the tables.
  for (const [member, folder] of folders.entries()) {
    const env = { ...stream.env, MQTT_CLIENT_ID: `member${member}`, RAW_PARTITION: 'hour' };
    collectors.push(await startCollector(bench, { folder, brokerUrl: '', databaseUrl: database.url, env }));
  }
  const stepMs = Math.floor((DAY_MS * sensors) / readings);
  const load = { count: readings, sensors, from: loadStart(0), stepMs };
  const publisher = await preparePublisher(bench, { port: stream.mqttPort, load });
  const published = publisher.publish();
  const stored = database.untilLines(readings, PATIENCE_MS);
  await Promise.race([Promise.all([published, stored]), ...collectors.map(collector => collector.failed())]);
  for (const collector of collectors) await collector.stop();
}

/** Copies what a collector has recorded, as it does by itself ten minutes after each hour. */
async function archive(
  folder: BenchFolder,
  database: BenchDatabase,
  settings: ArchiveSettings,
): Promise<void> {
  const config = readConfig({ ...folder.env, ...settings, DATABASE_URL: database.url });
  const collector = (await readCollectorName(config.DATA_DIR))!;
  const archiver = new Archiver({ config, url: settings.ARCHIVE_URL, collector, log });
  await archiver.run();
  await archiver.stop();
  if (archiver.failure !== undefined) throw new Error(archiver.failure);
}

/** Copies the objects of the lake into a folder: Spark reads object storage by jars of half a gigabyte, which clusters have. */
async function download(settings: ArchiveSettings, folder: string): Promise<void> {
  using store = await ObjectStore.open(readConfig(settings), settings.ARCHIVE_URL);
  for await (const { key } of store.list('lake/')) {
    await mkdir(dirname(join(folder, key)), { recursive: true });
    await writeFile(join(folder, key), await store.bytes(key, (await store.head(key))!));
  }
}

async function succeed(
  bench: Bench,
  args: string[],
  folder: BenchFolder,
  env: Record<string, string>,
): Promise<void> {
  await (await runSluice(bench, args, folder, env)).succeed();
}
