import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientBase } from 'pg';
import type { Config } from '../../../base/config.ts';
import { errorText } from '../../../base/errors.ts';
import { ObjectDamagedError } from '../../../base/objects/error.ts';
import type { ObjectStore } from '../../../base/objects/object-store.ts';
import { configuredTopics } from '../../payload/configured-topics.ts';
import { PastDecoders } from '../../silver/past-decoders.ts';
import { Registry } from '../../silver/registry.ts';
import { archivedCollectors } from '../archive/archive-ledger.ts';
import { writeDayTable, writeRegistry } from './day-tables.ts';
import { writeDecoded } from './decoded-file.ts';
import { DAY_TABLES, dayKey, dayTableKey, listKey, REGISTRY_KEY, readingsKey } from './lake-key.ts';
import {
  holdDay,
  noteDecoded,
  noteListed,
  readDueDays,
  readList,
  readUndecoded,
  readUnlisted,
  releaseDay,
  type Undecoded,
} from './lake-ledger.ts';
import { writeParquet, writeText } from './lake-object.ts';
import { openSource } from './source-file.ts';

/** A day that is over may have readings that are on their way. */
const AFTER_DAY_MS = 600_000;

export interface LakeWritingOptions {
  client: ClientBase;
  store: ObjectStore;
  config: Config;
  collector: string;
  signal?: AbortSignal;
  /** A day that was written so recently is not written again. */
  restHours: number;
  /** ms since 1970; a parameter so that tests can set the clock. */
  now?: () => number;
}

/** What decodes the files that stand in a folder. */
type DecodersIn = (folder: string) => Promise<PastDecoders>;

/** What one run wrote. */
export interface LakeWritten {
  files: number;
  readings: number;
  days: string[];
  /** Days that another process is at work on, or was until it was killed a moment ago. */
  held: string[];
  /** Files that cannot be decoded, and why. */
  refused: string[];
}

/**
 * One run: writes what the lake lacks of the archive. Decoded files first, then the lists that name them, then the days: at any
 * instant what is listed is there, and what was interrupted is done again.
 */
export class LakeWriting {
  readonly #options: LakeWritingOptions;
  /** Of files on their way. */
  readonly #spool: string;
  readonly #written: LakeWritten = { files: 0, readings: 0, days: [], held: [], refused: [] };

  constructor(options: LakeWritingOptions) {
    this.#options = options;
    this.#spool = join(options.config.DATA_DIR, 'lake.tmp');
  }

  /** @throws errors of database and object storage as they are: what was done by then stays done. */
  async run(): Promise<LakeWritten> {
    const { client, collector } = this.#options;
    await rm(this.#spool, { recursive: true, force: true });
    await mkdir(this.#spool, { recursive: true });
    try {
      // Nobody else would do those of collectors whose folders are gone.
      const collectors = [...new Set([collector, ...(await archivedCollectors(client))])];
      await this.#decodeFiles(collectors);
      for (const { date, collector } of await readUnlisted(client, collectors))
        await this.#list(date, collector);
      await this.#writeDays();
      return this.#written;
    } finally {
      await rm(this.#spool, { recursive: true, force: true });
    }
  }

  async #decodeFiles(collectors: string[]): Promise<void> {
    const { client, config, signal } = this.#options;
    const files = await readUndecoded(client, collectors);
    if (files.length === 0) return;
    const { LATE_MINUTES: lateMinutes, SENSOR_TIMEZONE: zone } = config;
    const common = { topics: configuredTopics(config), registry: await Registry.load(client), lateMinutes };
    for (const [collector, own] of Map.groupBy(files, file => file.collector)) {
      let folder: string | undefined;
      let decoders: PastDecoders;
      // Most files stand in one folder.
      const decodersIn = async (where: string) => {
        if (where !== folder)
          decoders = await PastDecoders.load(client, collector, { ...common, folder: where }, zone);
        folder = where;
        return decoders;
      };
      for (const file of own) {
        signal?.throwIfAborted();
        await this.#tryDecode(file, decodersIn);
      }
    }
  }

  /** One file that is damaged, or has just been moved, must not hold up the others. */
  async #tryDecode(file: Undecoded, decodersIn: DecodersIn): Promise<void> {
    try {
      await this.#decode(file, decodersIn);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (!(error instanceof ObjectDamagedError) && code !== 'ENOENT' && !code?.startsWith('Z_')) throw error;
      this.#written.refused.push(`${file.path}: ${errorText(error)}`);
    }
  }

  async #decode(file: Undecoded, decodersIn: DecodersIn): Promise<void> {
    const { client, store, config, collector, signal } = this.#options;
    const { DATA_DIR: dataDir, LATE_MINUTES: lateMinutes } = config;
    await using source = await openSource({ store, dataDir, collector, spool: this.#spool }, file);
    const target = join(this.#spool, 'readings.parquet');
    const { path: entry, archiveKey: object, archivedBytes: bytes } = file;
    const decoders = await decodersIn(source.folder);
    const readings = await writeDecoded(target, {
      path: source.path,
      entry,
      object,
      bytes,
      decoders,
      lateMinutes,
      signal,
    });
    const key = readingsKey(object);
    const metadata = { 'sluice-source': file.source, 'sluice-decoded-with': file.decodedWith.slice(0, 1000) };
    const written = await writeParquet(store, key, target, metadata);
    await noteDecoded(client, file, { key, readings, ...written });
    this.#written.files++;
    this.#written.readings += readings;
  }

  async #list(date: string, collector: string): Promise<void> {
    const { client, store } = this.#options;
    const listed = await readList(client, date, collector);
    const text = listed.map(file => `${JSON.stringify({ date, ...file })}\n`).join('');
    await writeText(store, listKey(date, collector), text);
    await noteListed(client, listed);
  }

  async #writeDays(): Promise<void> {
    const { client, signal, restHours, now = Date.now } = this.#options;
    const today = new Date(now() - AFTER_DAY_MS).toISOString().slice(0, 10);
    for (const day of await readDueDays(client, today, restHours)) {
      signal?.throwIfAborted();
      const changed = await holdDay(client, day);
      if (changed === undefined) {
        this.#written.held.push(day);
        continue;
      }
      let made: string | undefined;
      try {
        await this.#writeDay(day);
        made = changed;
        this.#written.days.push(day);
      } finally {
        await releaseDay(client, day, made);
      }
    }
    if (this.#written.days.length > 0) await this.#writeRegistry();
  }

  /** All tables of one snapshot, so that they agree with each other. */
  async #writeDay(date: string): Promise<void> {
    const { client, store } = this.#options;
    const paths = DAY_TABLES.map(table => [table, join(this.#spool, `${table}.parquet`)] as const);
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    try {
      for (const [table, path] of paths) await writeDayTable(client, table, date, path);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
    const said: Record<string, string> = { date };
    for (const [table, path] of paths)
      said[table] = (await writeParquet(store, dayTableKey(table, date), path)).sha256;
    await writeText(store, dayKey(date), `${JSON.stringify(said)}\n`);
  }

  async #writeRegistry(): Promise<void> {
    const { client, store } = this.#options;
    const path = join(this.#spool, 'registry.parquet');
    await writeRegistry(client, path);
    await writeParquet(store, REGISTRY_KEY, path);
  }
}
