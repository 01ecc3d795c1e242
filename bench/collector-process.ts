import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rawFolder } from '../collector/bronze/raw-file-name.ts';
import { until } from '../test/harness/eventually.ts';
import type { Program } from '../test/harness/program.ts';
import { freePort } from '../test/harness/server.ts';
import type { Bench } from './bench.ts';
import { sensorId } from './load.ts';

const program = fileURLToPath(new URL('../sluice.js', import.meta.url));

/** A collector that finds days of raw files looks at all of them first. */
const PATIENCE_MS = 600_000;

/** A data folder with a registry beside it, removed at the end. */
export class BenchFolder implements AsyncDisposable {
  readonly path: string;
  readonly raw: string;
  /** Settings that name this folder; all others are the defaults. */
  readonly env: Record<string, string>;

  private constructor(path: string) {
    this.path = path;
    this.raw = rawFolder(path);
    this.env = { DATA_DIR: path, SENSORS_FILE: join(path, 'sensors.csv'), LOG_LEVEL: 'warn' };
  }

  /** @param sensors how many the registry knows, so that their readings are valid and reach gold. */
  static async create(bench: Bench, sensors: number): Promise<BenchFolder> {
    const folder = new BenchFolder(await mkdtemp(join(bench.folder, 'data-')));
    await mkdir(folder.raw);
    const rows = Array.from({ length: sensors }, (_, index) => `${sensorId(index + 1)},temperature,°C,,0,45`);
    const header = 'sensor_id,quantity,unit,location,min_value,max_value';
    await writeFile(folder.env.SENSORS_FILE!, `${[header, ...rows].join('\n')}\n`);
    return folder;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }
}

/** Runs a command of `sluice` on a folder, as a process of its own. */
export function runSluice(
  bench: Bench,
  args: string[],
  folder: BenchFolder,
  env: Record<string, string>,
): Promise<Program> {
  return bench.programs.start(`sluice ${args[0]}`, process.execPath, [program, ...args], {
    env: { ...folder.env, ...env },
  });
}

interface CollectorOptions {
  folder: BenchFolder;
  brokerUrl: string;
  databaseUrl: string;
  /** Default: true. Without it, the database may be away. */
  awaitDatabase?: boolean;
  /** Further settings. */
  env?: Record<string, string>;
}

/** Starts `sluice collect` and waits until it is subscribed and, unless `awaitDatabase` is false, has its database. */
export async function startCollector(
  bench: Bench,
  { folder, brokerUrl, databaseUrl, awaitDatabase = true, env = {} }: CollectorOptions,
): Promise<Program> {
  const port = env.HTTP_PORT ?? `${await freePort()}`;
  const collector = await runSluice(bench, ['collect'], folder, {
    MQTT_URL: brokerUrl,
    DATABASE_URL: databaseUrl,
    ...env,
    HTTP_PORT: port,
  });
  const ready = async () => {
    if (!collector.isRunning) throw await collector.failure();
    const answer = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => undefined);
    if (answer === undefined) return false;
    const { broker, database } = (await answer.json()) as Record<string, { connected: boolean }>;
    return broker?.connected && (!awaitDatabase || database?.connected);
  };
  await until('the collector is ready', ready, { ms: PATIENCE_MS, signal: bench.signal });
  return collector;
}
