import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ClientBase } from 'pg';
import type { Logger } from 'pino';
import { ObjectDamagedError } from '../../base/objects/error.ts';
import type { ObjectHead, ObjectStore } from '../../base/objects/object-store.ts';
import { firstLineOf } from '../../collector/bronze/first-line.ts';
import { writeGunzipped } from '../../collector/bronze/gzip-file.ts';
import {
  compressedPath,
  lateMarksPath,
  plainPath,
  RawFileName,
} from '../../collector/bronze/raw-file-name.ts';
import { lookAt } from '../../collector/bronze/raw-folder.ts';
import { rejectedFolder } from '../../collector/bronze/rejected-file.ts';
import {
  type Copy,
  entryOfCopy,
  noteRejectedCopy,
  noteRestored,
} from '../../collector/retention/archive/archive-ledger.ts';
import { download } from '../../collector/retention/archive/download.ts';
import { ObjectName } from '../../collector/retention/archive/object-name.ts';
import { type ProvableFacts, provableFactsOf, readMarks } from '../../collector/retention/archive/proof.ts';
import { firstLineHash } from '../../collector/silver/ledger.ts';
import { RejectedMessages } from '../../collector/silver/rejected-messages.ts';
import type { FoundObject } from './archived-objects.ts';
import type { ReplayFile } from './files.ts';

export interface ArchivedFilesOptions {
  store: ObjectStore;
  /** Ready to load; for what a file is in the ledger. */
  client: ClientBase;
  log: Logger;
  /** The data folder, in which the files stand while they are loaded, and its collector. */
  dataDir: string;
  collector: string;
  /** Only say what would be done. */
  dryRun: boolean;
}

/**
 * Brings files from an archive, one after the other: each is proven by its checksum before anything of it is loaded, stands
 * in a folder of its own meanwhile, and goes afterwards.
 */
export class ArchivedFiles {
  readonly #options: ArchivedFilesOptions;
  /** Objects that are not what they should be, and why. */
  readonly refused: string[] = [];

  constructor(options: ArchivedFilesOptions) {
    this.#options = options;
  }

  /** Those of raw files; rejected messages are counted on the way. */
  async *bring(objects: readonly FoundObject[]): AsyncGenerator<ReplayFile> {
    const { dataDir, log } = this.#options;
    const folder = await mkdtemp(join(dataDir, 'replay.tmp-'));
    try {
      for (const { key } of objects) {
        try {
          const file = await this.#take(key, folder);
          if (file === undefined) continue;
          yield file;
          await release(file);
        } catch (error) {
          if (!(error instanceof ObjectDamagedError)) throw error;
          log.debug({ err: error }, 'an object is left out');
          this.refused.push(`${error.message}; nothing of it is loaded`);
        }
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** @returns undefined for what is not a raw file. */
  async #take(key: string, folder: string): Promise<ReplayFile | undefined> {
    const { store } = this.#options;
    const head = await store.head(key);
    const facts = head && provableFactsOf(store, key, head);
    if (head === undefined || facts === undefined) return undefined;
    const name = RawFileName.ofKey(facts.name.file);
    if (name === undefined) {
      await this.#countRejected(key, head, facts, folder);
      return undefined;
    }
    const place = join(folder, `${encodeURIComponent(facts.name.collector)}.${facts.name.part}`);
    await mkdir(place, { recursive: true });
    const path = join(place, compressedPath(name.key));
    const copy = await download(store, key, head, facts, path);
    const marks = await readMarks(store, facts);
    if (marks !== undefined) await writeFile(lateMarksPath(path), marks);
    if (name.holdsEnvelopes) await this.#bringBefore(facts.name, name, place);
    return this.#describe(head, facts, path, copy);
  }

  /** @returns what is known of the file, and of its entry in the ledger. */
  async #describe(head: ObjectHead, { name }: ProvableFacts, path: string, copy: Copy): Promise<ReplayFile> {
    const { client, dataDir, dryRun } = this.#options;
    const { collector, file } = name;
    const first = firstLineOf(plainPath(path), copy.bytes);
    const entry = await entryOfCopy(client, name, copy.key, first === undefined ? '' : firstLineHash(first));
    const local = collector === this.#options.collector && entry === file;
    const isLocal = local && (await lookAt(dataDir, RawFileName.ofKey(file)!)) !== undefined;
    return {
      path,
      name: entry,
      bytes: head.size,
      archived: {
        collector,
        folder: dirname(path),
        isLocal,
        loaded: async connection => {
          if (!dryRun) await noteRestored(connection, collector, entry, copy, !isLocal);
        },
      },
    };
  }

  /** What the broker sent again may have come first in the file before. */
  async #bringBefore(object: ObjectName, name: RawFileName, place: string): Promise<void> {
    const { store } = this.#options;
    const before = name.before;
    const path = join(place, compressedPath(before.key));
    if (await stat(path).catch(() => undefined)) return;
    const { key } = new ObjectName(object.collector, before.date, before.key, object.part);
    const head = await store.head(key);
    const facts = head && provableFactsOf(store, key, head);
    if (facts !== undefined) await download(store, key, head!, facts, path);
  }

  async #countRejected(key: string, head: ObjectHead, facts: ProvableFacts, folder: string): Promise<void> {
    const { client, store, dryRun, log } = this.#options;
    if (dryRun) return;
    const place = join(folder, 'rejected-messages');
    await mkdir(rejectedFolder(place), { recursive: true });
    const path = join(rejectedFolder(place), facts.name.file);
    const { collector, date } = facts.name;
    const copy = await download(store, key, head, facts, compressedPath(path));
    await writeGunzipped(compressedPath(path), path);
    await new RejectedMessages(place, collector, log).count(client);
    await noteRejectedCopy(client, collector, date, copy);
    await rm(place, { recursive: true });
  }
}

/** Removes a file that is loaded; one of envelopes when the next one is, which may say again what is in its last lines. */
async function release({ path }: ReplayFile): Promise<void> {
  const { name } = RawFileName.parse(basename(path))!;
  const done = name.holdsEnvelopes ? join(dirname(path), compressedPath(name.before.key)) : path;
  await rm(done, { force: true });
  await rm(lateMarksPath(path), { force: true });
}
