import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientBase } from 'pg';
import type { Logger } from 'pino';
import { inParallel } from '../../../base/in-parallel.ts';
import type { ObjectStore } from '../../../base/objects/object-store.ts';
import type { StandingFile } from '../../bronze/raw-folder.ts';
import { isBeside, type RejectedFile } from '../../bronze/rejected-file.ts';
import type { ArchiveLook } from '../raw-retention.ts';
import { forgetCopy, type RecordedCopy, readCopies, readRejectedCopies } from './archive-ledger.ts';
import { flawBeside } from './proof.ts';

/** Objects that are asked for at once. */
const PARALLEL = 8;

interface Options {
  client: ClientBase;
  store: ObjectStore;
  collector: string;
  dataDir: string;
  log: Logger;
}

/** Looks at the copies of files that are about to be removed: what the ledger says of them has to be so at this moment. */
export class KeptCopies implements ArchiveLook {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  async rawFiles(files: StandingFile[]): Promise<StandingFile[]> {
    const { client, collector } = this.#options;
    const copies = await readCopies(
      client,
      collector,
      files.map(({ name }) => name.key),
    );
    const kept = await this.#seen(copies);
    return files.filter(({ name, bytes }) => kept.get(name.key) === bytes);
  }

  async rejectedFiles(files: RejectedFile[]): Promise<RejectedFile[]> {
    const { client, collector, dataDir } = this.#options;
    const kept = await this.#seen(await readRejectedCopies(client, collector));
    const sizes = await Promise.all(files.map(async ({ path }) => (await stat(join(dataDir, path))).size));
    return files.filter((file, index) => !isBeside(file) && kept.get(file.date) === sizes[index]);
  }

  /** Up to where the archive has the files, by path. */
  async #seen(copies: RecordedCopy[]): Promise<Map<string, number>> {
    const { store, client, collector, log } = this.#options;
    const seen = new Map<string, number>();
    await inParallel(copies, PARALLEL, async copy => {
      const head = await store.head(copy.key);
      const said = head && (head.checksum ?? (await store.digest(copy.key, head)).checksum);
      const flaw = said === copy.checksum ? await flawBeside(store, copy.key, head!) : undefined;
      if (said === copy.checksum && flaw === undefined) {
        seen.set(copy.path, copy.bytes);
        return;
      }
      await forgetCopy(client, collector, copy);
      log.error(
        {
          file: copy.path,
          object: store.url(copy.key),
          checksum: said ?? 'none',
          recorded: copy.checksum,
          reason: flaw,
        },
        'a copy is not in the archive as it was: somebody has removed or changed it. The file stays, and is copied again',
      );
    });
    return seen;
  }
}
