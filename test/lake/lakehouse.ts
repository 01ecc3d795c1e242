import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../../base/config.ts';
import { ObjectStore } from '../../base/objects/object-store.ts';
import { nameCollector } from '../../collector/bronze/folder-identity.ts';
import { Archiver } from '../../collector/retention/archive/archiver.ts';
import { LakeJob } from '../../collector/retention/lake/lake-job.ts';
import { LakeWriting, type LakeWritten } from '../../collector/retention/lake/lake-writing.ts';
import { connect } from '../../db/connect.ts';
import { Pipeline, silent, sluice } from '../commands/verify/pipeline.ts';
import { type TestDatabase, withDatabase } from '../harness/database.ts';
import { runDuckDb, runSpark } from '../harness/lake-engines.ts';
import { configFor } from '../harness/pipeline.ts';
import type { ArchiveSettings, SeaweedFs } from '../harness/seaweedfs.ts';
import { temporaryFolder } from '../harness/server.ts';

/** What `sluice lake verify --json` says. */
export interface LakeVerdict {
  ok: boolean;
  days: number;
  differences: { day: string; table: string; lake: unknown; postgresql: unknown }[];
  missing: string[];
}

/** Collectors that load into one database, an archive, and a lake that is made of it. */
export class Lakehouse {
  readonly folder: string;
  readonly database: TestDatabase;
  readonly settings: ArchiveSettings;

  constructor(folder: string, database: TestDatabase, settings: ArchiveSettings) {
    this.folder = folder;
    this.database = database;
    this.settings = settings;
  }

  /** A further collector, with a data folder of its own. */
  async collector(name: string): Promise<Pipeline> {
    const dataDir = join(this.folder, name);
    for (const name of ['raw', 'rejected']) await mkdir(join(dataDir, name), { recursive: true });
    return new Pipeline(this.folder, await nameCollector(dataDir, name), this.database, dataDir);
  }

  #configOf(pipeline: Pipeline): Config {
    return configFor({ ...pipeline.env, ...this.settings, RAW_COMPRESS_AFTER_DAYS: '0', LAKE: 'on' });
  }

  open(): Promise<ObjectStore> {
    return ObjectStore.open(configFor(this.settings), this.settings.ARCHIVE_URL);
  }

  /** Copies what is loaded to the archive. */
  async archive(pipeline: Pipeline): Promise<void> {
    const config = this.#configOf(pipeline);
    const archiver = new Archiver({
      config,
      url: config.ARCHIVE_URL!,
      collector: pipeline.collector,
      log: silent,
    });
    await archiver.run();
    await archiver.stop();
    if (archiver.failure !== undefined) throw new Error(archiver.failure);
  }

  /** Copies what is loaded, and writes what the lake lacks. */
  async write(pipeline: Pipeline, signal?: AbortSignal): Promise<LakeWritten> {
    await this.archive(pipeline);
    const config = this.#configOf(pipeline);
    const client = await connect(this.database.url, 'sluice test', () => undefined);
    using store = await this.open();
    try {
      const options = { client, store, config, collector: pipeline.collector, restHours: 0 };
      return await new LakeWriting(signal === undefined ? options : { ...options, signal }).run();
    } finally {
      await client.end();
    }
  }

  /** What a running collector has. */
  job(pipeline: Pipeline): LakeJob {
    const config = this.#configOf(pipeline);
    return new LakeJob({ config, url: config.ARCHIVE_URL!, collector: pipeline.collector }, silent);
  }

  /** Where DuckDB writes its checksums. */
  get checks(): string {
    return join(this.folder, 'checks.json');
  }

  /** The database file of DuckDB. */
  get lake(): string {
    return join(this.folder, 'lake.duckdb');
  }

  /** Makes or updates the lake by DuckDB, straight from the object storage, and compares it with PostgreSQL. */
  async byDuckDb(): Promise<LakeVerdict> {
    await runDuckDb(this.settings, this.lake, this.checks);
    return this.verify(this.checks);
  }

  /** The same by Spark, from a copy of the archive. */
  async bySpark(): Promise<LakeVerdict> {
    const copy = join(this.folder, 'copy');
    await rm(copy, { recursive: true, force: true });
    using store = await this.open();
    for await (const { key } of store.list('lake/')) {
      await mkdir(dirname(join(copy, key)), { recursive: true });
      await writeFile(join(copy, key), await store.bytes(key, (await store.head(key))!));
    }
    const checks = join(this.folder, 'checks');
    await runSpark(copy, join(this.folder, 'delta'), checks);
    return this.verify(checks);
  }

  /** What `sluice lake verify` says of a lake's checksums. */
  async verify(checks: string): Promise<LakeVerdict> {
    const { stdout, stderr } = await sluice(['lake', 'verify', checks, '--json'], {
      DATABASE_URL: this.database.url,
      DATA_DIR: join(this.folder, 'none'),
    });
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout);
  }
}

export async function withLakehouse(
  server: SeaweedFs,
  use: (house: Lakehouse) => Promise<void>,
): Promise<void> {
  await using folder = await temporaryFolder();
  await withDatabase(async database => use(new Lakehouse(folder.path, database, await server.settings())));
}
