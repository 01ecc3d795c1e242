import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type pg from 'pg';
import { createLog } from '../../../base/log.ts';
import { zoneOf } from '../../../base/time.ts';
import { nameCollector } from '../../../collector/bronze/folder-identity.ts';
import { RawFileName } from '../../../collector/bronze/raw-file-name.ts';
import { prepareRefresh, refreshStaleMinutes } from '../../../collector/gold/refresh.ts';
import { defaultTopics, type Topics } from '../../../collector/payload/topics.ts';
import { Backlog } from '../../../collector/silver/backlog.ts';
import { BlockStore } from '../../../collector/silver/block-store.ts';
import { keepTopics } from '../../../collector/silver/decoded-with.ts';
import { LineDecoder } from '../../../collector/silver/line-decoder.ts';
import { Registry, upsertSensors } from '../../../collector/silver/registry.ts';
import { readRegistry } from '../../../collector/silver/registry-file.ts';
import { prepareStaging } from '../../../collector/silver/staged-store.ts';
import type { Folder } from '../../../commands/replay/claims.ts';
import { findFiles } from '../../../commands/replay/files.ts';
import { Prune, type Pruned } from '../../../commands/replay/prune.ts';
import { Replay, type Replayed } from '../../../commands/replay/replay.ts';
import type { Report } from '../../../commands/verify/report.ts';
import { type VerifyOptions, verify } from '../../../commands/verify/verify.ts';
import { connect } from '../../../db/connect.ts';
import { type DatabaseServer, type TestDatabase, withDatabase } from '../../harness/database.ts';
import { decodeReading } from '../../harness/plain-messages.ts';
import { temporaryFolder } from '../../harness/server.ts';

const ROOT = join(import.meta.dirname, '../../..');
export const SENSORS_FILE = join(ROOT, 'db/sensors.csv');
export const silent = createLog({ LOG_LEVEL: 'silent', LOG_FORMAT: 'json' });
const zone = zoneOf('UTC');

/** What `sluice` printed, and how it ended. */
interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A payload, which is a line of a raw file. @param more further fields. */
export function reading(id: string, dt: string, value: unknown, more: object = {}): string {
  return JSON.stringify({ id, dt, value, ...more });
}

/**
 * Runs the command line to its end.
 * @param node options of Node itself. @param cwd the working folder; there, a `.env` counts.
 */
export async function sluice(
  args: string[],
  env: Record<string, string>,
  node: string[] = [],
  cwd = tmpdir(),
): Promise<Ended> {
  const child = spawn(process.execPath, [...node, join(ROOT, 'sluice.js'), ...args], {
    cwd,
    // Of the caller's environment nothing but the way to programs: settings must not leak in.
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = (await closed) as [number | null];
  return { code, stdout, stderr };
}

/** Lends a data folder and a database with the registry of db/sensors.csv; both are gone afterwards. */
export async function withPipeline(
  use: (pipeline: Pipeline) => Promise<void>,
  server?: DatabaseServer,
): Promise<void> {
  await using folder = await temporaryFolder();
  const dataDir = join(folder.path, 'data');
  await mkdir(join(dataDir, 'raw'), { recursive: true });
  const collector = await nameCollector(dataDir, 'sluice');
  await withDatabase(
    async database => {
      await using pipeline = new Pipeline(folder.path, collector, database);
      await pipeline.upsertRegistry();
      await use(pipeline);
    },
    server ? { server } : {},
  );
}

/** Raw files and the database that they are loaded into: recording by hand, the rest by the code of the collector. */
export class Pipeline implements AsyncDisposable {
  /** What messages mean: without a topics file, until a test says otherwise. */
  topics: Topics = defaultTopics(['sensors/#'], zone);
  /** A temporary folder; the data folder is in it. */
  readonly folder: string;
  readonly dataDir: string;
  readonly raw: string;
  readonly collector: string;
  readonly database: TestDatabase;
  /** Further settings of the command line. */
  readonly settings: Record<string, string> = {};
  readonly #undo = new AsyncDisposableStack();

  constructor(folder: string, collector: string, database: TestDatabase, dataDir = join(folder, 'data')) {
    this.folder = folder;
    this.dataDir = dataDir;
    this.raw = join(this.dataDir, 'raw');
    this.collector = collector;
    this.database = database;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#undo.disposeAsync();
  }

  async upsertRegistry(): Promise<void> {
    await this.#connected(async client => upsertSensors(client, await readRegistry(SENSORS_FILE)));
  }

  /** Appends readings, each to the raw file of its sensor and day. */
  record(...lines: string[]): void {
    for (const line of lines) {
      const decoded = decodeReading(line, zone);
      if (typeof decoded === 'string') throw new Error(`no reading: ${line}`);
      this.write(RawFileName.ofReading(decoded.sensorId, decoded.time).key, `${line}\n`);
    }
  }

  /** Appends bytes to a raw file; a path that is absolute is one from elsewhere. */
  write(file: string, bytes: string | Buffer): void {
    appendFileSync(file.startsWith('/') ? file : join(this.raw, file), bytes);
  }

  /**
   * Loads what is recorded and not loaded yet.
   * @param batchBytes about how large a batch is. @param sizes of the raw files, where a recorder knows them.
   */
  async load(batchBytes = 1024 * 1024, sizes?: Map<string, number>): Promise<void> {
    await this.#connected(async client => {
      await prepareStaging(client);
      const backlog = new Backlog(this.raw, this.collector, silent, 5);
      const all = Readable.from([sizes ?? (await this.#wholeLines())]);
      await backlog.synchronise(all, compare => compare(client));
      const { topics } = this;
      await keepTopics(client, topics);
      const registry = await Registry.load(client);
      const decoder = new LineDecoder({ topics, registry, lateMinutes: 5, folder: this.raw });
      const store = new BlockStore(this.collector, silent);
      while (backlog.bytes > 0) {
        await backlog.decompress();
        await store.store(client, backlog.read(batchBytes), decoder, (_, ends) => {
          for (const [file, end] of ends) backlog.advance(file, end);
        });
      }
    });
  }

  /** Recomputes the stale minutes. @returns how many. */
  refresh(): Promise<number | undefined> {
    return this.#connected(async client => {
      await prepareRefresh(client);
      return refreshStaleMinutes(client);
    });
  }

  /** @param options besides folder and topics. */
  verify(options: Partial<VerifyOptions> = {}): Promise<Report> {
    const { dataDir, collector, topics } = this;
    return this.#connected(client =>
      verify(client, { dataDir, collector, topics, lateMinutes: 5, ...options }),
    );
  }

  /** Replays, without refreshing the means. */
  async replay(
    places: string[] = [],
    { dryRun = false, collecting = false, prune = false, others = [] as Folder[] } = {},
  ): Promise<{ rows: Replayed[]; refused: string[]; pruned: Pruned[] }> {
    const open = async () => {
      const client = await connect(this.database.url, 'test', () => undefined);
      if (!dryRun) await prepareStaging(client);
      return client;
    };
    const { collector, topics, dataDir } = this;
    const files = await findFiles(places, dataDir);
    let pruning: pg.Client | undefined;
    let pruned: Pruned[] = [];
    if (prune) {
      pruning = await open();
      const options = { folder: { dataDir, collector }, others, topics, zone: 'UTC', log: silent };
      try {
        const found = await Prune.prepare(pruning, options);
        pruned = await found.find(files);
        if (!dryRun) await found.remove();
      } catch (error) {
        await pruning.end();
        throw error;
      }
    }
    const replay = new Replay({
      connect: async () => {
        const client = pruning ?? (await open());
        pruning = undefined;
        return client;
      },
      prune,
      collector,
      topics,
      folder: this.raw,
      log: silent,
      lateMinutes: 5,
      collecting,
      dryRun,
    });
    const rows: Replayed[] = [];
    try {
      for await (const row of replay.run(files)) rows.push(row);
    } finally {
      replay.end();
    }
    return { rows, refused: [...replay.refused], pruned };
  }

  /** Runs the command line on this folder and database. */
  sluice(args: string[], node: string[] = []): Promise<Ended> {
    return sluice(args, this.env, node);
  }

  get env(): Record<string, string> {
    return { DATABASE_URL: this.database.url, DATA_DIR: this.dataDir, SENSORS_FILE, ...this.settings };
  }

  /** Everything in the tables, except when it was written. Two dumps are equal when the tables are. */
  async dump(): Promise<Record<string, unknown[]>> {
    const tables = [
      'bronze.raw_file',
      'silver.sensor',
      'silver.sensor_reading',
      'silver.rejected_line',
      'silver.conflicting_reading',
      'gold.reading_1min_mean',
      'sluice.stale_minute',
    ];
    const dump: Record<string, unknown[]> = {};
    for (const table of tables) {
      const rows = await this.database.query<{ row: unknown }>(
        `SELECT row FROM (SELECT to_jsonb(t) - 'loaded_at' - 'found_at' - 'rejected_at' AS row FROM ${table} t) d
         ORDER BY row`,
      );
      dump[table] = rows.map(({ row }) => row);
    }
    return dump;
  }

  /** The raw files and up to where they hold whole lines, as a recorder knows them. */
  async #wholeLines(): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    for (const name of (await readdir(this.raw)).filter(name => RawFileName.ofKey(name) !== undefined)) {
      sizes.set(name, (await readFile(join(this.raw, name))).lastIndexOf(0x0a) + 1);
    }
    return sizes;
  }

  async #connected<T>(use: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = await connect(this.database.url, 'sluice test', () => undefined);
    try {
      return await use(client);
    } finally {
      await client.end();
    }
  }
}
