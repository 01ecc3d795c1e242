import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { ObjectDigest } from '../../../../base/objects/checksum.ts';
import { ObjectStore } from '../../../../base/objects/object-store.ts';
import { Archiver } from '../../../../collector/retention/archive/archiver.ts';
import { KeptCopies } from '../../../../collector/retention/archive/kept-copies.ts';
import { removeRawFiles } from '../../../../collector/retention/raw-retention.ts';
import { connect } from '../../../../db/connect.ts';
import { type Pipeline, silent, sluice } from '../../../commands/verify/pipeline.ts';
import { configFor } from '../../../harness/pipeline.ts';
import type { ArchiveSettings, SeaweedFs } from '../../../harness/seaweedfs.ts';
import { temporaryFolder } from '../../../harness/server.ts';
import { type House, withHouse } from '../house.ts';

/** A house with an archive. */
export class Storehouse {
  readonly house: House;
  readonly settings: ArchiveSettings;

  constructor(house: House, settings: ArchiveSettings) {
    this.house = house;
    this.settings = settings;
  }

  get config() {
    const { dataDir, database } = this.house.pipeline;
    return configFor({ ...this.settings, DATA_DIR: dataDir, DATABASE_URL: database.url });
  }

  /** Copies what waits, once. @returns the archiver, stopped. @param settings that are others than those of the house. */
  async archive(settings: Record<string, string> = {}, now = Date.now()): Promise<Archiver> {
    const { dataDir, database, collector } = this.house.pipeline;
    const config = configFor({
      ...this.settings,
      DATA_DIR: dataDir,
      DATABASE_URL: database.url,
      ...settings,
    });
    const archiver = new Archiver({
      config,
      url: config.ARCHIVE_URL!,
      collector,
      log: silent,
      now: () => now,
    });
    await archiver.run();
    await archiver.stop();
    return archiver;
  }

  open(): Promise<ObjectStore> {
    return ObjectStore.open(this.config, this.settings.ARCHIVE_URL);
  }

  /** Runs the command line on a folder and a database, and on this archive. */
  sluice(pipeline: Pipeline, args: string[], env: Record<string, string> = {}) {
    return sluice(args, { ...pipeline.env, ...this.settings, ...env });
  }

  /** Puts other bytes in the place of an object, as another hand could. */
  async overwrite(key: string, bytes: Buffer, metadata: Record<string, string>): Promise<void> {
    await using folder = await temporaryFolder();
    using store = await this.open();
    const path = join(folder.path, 'bytes');
    await writeFile(path, bytes);
    const digest = new ObjectDigest(bytes.length);
    digest.update(bytes);
    const file = { path, size: bytes.length, digest: digest.digest() };
    await store.write(key, file, metadata, { ifMatch: (await store.head(key))!.etag });
  }

  /** Deletes the object of marks for late lines. @returns its key. */
  async deleteMarks(): Promise<string> {
    const marks = (await this.keys()).find(key => key.endsWith('.late'))!;
    using store = await this.open();
    await store.delete(marks);
    return marks;
  }

  /** Keys of all objects. */
  async keys(): Promise<string[]> {
    using store = await this.open();
    const keys: string[] = [];
    for await (const { key } of store.list()) keys.push(key);
    return keys;
  }

  /** As a night does. @returns how many raw files. */
  async remove(before: string): Promise<number> {
    const { recorder, pipeline } = this.house;
    const { dataDir, collector } = pipeline;
    using store = await this.open();
    const client: pg.Client = await connect(pipeline.database.url, 'sluice test', () => undefined);
    try {
      const copies = new KeptCopies({ client, store, collector, dataDir, log: silent });
      const raw = { dataDir, collector, recorder, log: silent };
      return await removeRawFiles(client, raw, before, undefined, copies);
    } finally {
      await client.end();
    }
  }

  /** What the ledger says of copies, by path. */
  async copies(): Promise<Map<string, { key: string; bytes: number; of: number; checksum: string }>> {
    const rows = await this.house.pipeline.database.query<{
      path: string;
      key: string;
      bytes: number;
      of: number;
      checksum: string;
    }>(
      `SELECT path, archive_key AS key, archived_bytes::int AS bytes, bytes::int AS of, archive_checksum AS checksum
       FROM bronze.raw_file WHERE archive_key IS NOT NULL ORDER BY path`,
    );
    return new Map(rows.map(({ path, ...rest }) => [path, rest]));
  }
}

export async function withStorehouse(
  server: SeaweedFs,
  use: (store: Storehouse, house: House) => Promise<void>,
): Promise<void> {
  await withHouse(async house => use(new Storehouse(house, await server.settings()), house));
}
