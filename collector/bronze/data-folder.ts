import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { removeDrafts } from '../../base/atomic-file.ts';
import { UsageError } from '../../base/errors.ts';
import { writingTo } from './disk.ts';
import { beginEpoch, nameCollector } from './folder-identity.ts';
import { HEARTBEAT_MS, type Holder, readHolder, stateOf, thisHolder } from './lock-holder.ts';

/** The data folder belongs to another collector that runs. */
export class FolderInUseError extends Error {
  readonly holder: Holder;
  constructor(dataDir: string, holder: Holder) {
    super(
      `The data folder ${dataDir} is in use by process ${holder.pid} on ${holder.host} (since ${holder.since}). ` +
        'Stop that collector, or give this one a folder of its own with DATA_DIR.',
    );
    this.name = 'FolderInUseError';
    this.holder = holder;
  }
}

/** Another collector has taken the data folder from us, as we were away for so long that it took us for dead. */
export class FolderLostError extends Error {
  constructor(dataDir: string, holder: Holder) {
    super(
      `The data folder ${dataDir} was taken over by process ${holder.pid} on ${holder.host} (since ${holder.since}) while this ` +
        'collector was suspended. This one stops: nothing that it has acknowledged is lost, and what it has not acknowledged ' +
        'comes again to the other. Run one collector a data folder.',
    );
    this.name = 'FolderLostError';
  }
}

const lockOf = (path: string) => join(path, 'collector.lock');

/**
 * The lock on a data folder: one collector a folder. The file names the process that has it.
 *
 * Node has no flock, so the file tells whether its holder lives: by process id and start on the same host, by its
 * heartbeat where that cannot be asked. A holder may be suspended and wake when its successor is at work: so it asks
 * `check` before it acknowledges anything, and before it changes what is not its own any more.
 */
export class DataFolder {
  readonly path: string;
  /** Name of this folder in the database's ledger, made once: offsets of one folder must never be taken for another's. */
  readonly collector: string;
  /** Greater than that of each collector that had the folder before. */
  readonly epoch: number;
  /** Tells this holder from all others. */
  readonly token: string;
  /** The last collector here did not say goodbye: files may be torn or unsynced. */
  readonly crashed: boolean;
  /** The last holder may be suspended rather than dead: it may write once more when it wakes. */
  readonly isContested: boolean;
  /** Resolves, with the reason, when another collector has taken the folder. */
  readonly lost: Promise<FolderLostError>;
  readonly #lose: (error: FolderLostError) => void;
  #whole: boolean;
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(path: string, collector: string, epoch: number, token: string, before: Before) {
    this.path = path;
    this.collector = collector;
    this.epoch = epoch;
    this.token = token;
    this.crashed = before !== 'stopped';
    this.isContested = before === 'silent';
    this.#whole = !this.crashed;
    const { promise, resolve } = Promise.withResolvers<FolderLostError>();
    this.lost = promise;
    this.#lose = resolve;
    this.#heartbeat = setInterval(() => void this.#beat(), HEARTBEAT_MS).unref();
  }

  /**
   * Makes the folder where it is missing and takes its lock.
   * @param clientId the folder's name begins with it, for people who read the ledger.
   * @throws {FolderInUseError} when a collector that runs has it; where the disk is full, what to do.
   */
  static lock(path: string, clientId: string): Promise<DataFolder> {
    return writingTo(path, () => DataFolder.#lock(path, clientId));
  }

  static async #lock(path: string, clientId: string): Promise<DataFolder> {
    await makeFolder(path);
    const token = randomBytes(8).toString('hex');
    const lock = lockOf(path);
    let before: Before = 'stopped';
    while (!(await create(lock, token))) {
      const holder = await readHolder(lock);
      if (holder === undefined) continue;
      const state = await stateOf(lock, holder);
      if (state === 'alive') throw new FolderInUseError(path, holder);
      if (before !== 'silent') before = state;
      await removeStale(lock, holder.token);
    }
    await removeDrafts(path);
    const collector = await nameCollector(path, clientId);
    return new DataFolder(path, collector, await beginEpoch(path), token, before);
  }

  /** The files have been checked after a crash. */
  repaired(): void {
    this.#whole = true;
  }

  /** A file could not be cut back to what counts: the next start has to check. */
  damaged(): void {
    this.#whole = false;
  }

  /**
   * Asks whether the folder is still ours. What was on disk before that is seen by whoever takes the folder afterwards.
   * @throws {FolderLostError} where it is not; errors of the disk.
   */
  async check(): Promise<void> {
    const lock = lockOf(this.path);
    const holder = await readHolder(lock);
    if (holder?.token === this.token) return;
    // Somebody has removed the file by hand: whoever makes it first has the folder.
    if (holder === undefined && (await create(lock, this.token))) return;
    const taker = holder ?? (await readHolder(lock));
    if (taker === undefined || taker.token === this.token) return;
    const error = new FolderLostError(this.path, taker);
    this.#lose(error);
    throw error;
  }

  /** Gives the lock back. Where files are not known to be whole and synced it stays, and tells the next start of a crash. */
  async unlock(): Promise<void> {
    clearInterval(this.#heartbeat);
    const lock = lockOf(this.path);
    if (this.#whole && (await readHolder(lock))?.token === this.token) await unlink(lock);
  }

  async #beat(): Promise<void> {
    try {
      await this.check();
      const now = new Date();
      await utimes(lockOf(this.path), now, now);
    } catch {
      // Whoever learns of it, from `lost` or from the disk, stops.
    }
  }
}

/** What became of the collector before. */
type Before = 'stopped' | 'dead' | 'silent';

async function create(lock: string, token: string): Promise<boolean> {
  const holder = await thisHolder(token);
  const handle = await open(lock, 'wx').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return undefined;
    throw error;
  });
  if (handle === undefined) return false;
  try {
    await handle.writeFile(`${JSON.stringify(holder)}\n`);
    return true;
  } catch (error) {
    // A torn one says nothing of its holder: the next start would wait for its heartbeat.
    await unlink(lock).catch(() => undefined);
    throw error;
  } finally {
    await handle.close();
  }
}

/** Takes a dead holder's lock away. Another starter may have done so already: its lock is put back. */
async function removeStale(lock: string, token: string): Promise<void> {
  const aside = `${lock}.${randomBytes(4).toString('hex')}`;
  await rename(lock, aside).catch(() => undefined);
  const taken = await readHolder(aside);
  if (taken !== undefined && taken.token !== token) await link(aside, lock).catch(() => undefined);
  await unlink(aside).catch(() => undefined);
}

/** Whether a collector that runs has the folder. */
export async function isLocked(path: string): Promise<boolean> {
  const lock = lockOf(path);
  const holder = await readHolder(lock);
  return holder !== undefined && (await stateOf(lock, holder)) === 'alive';
}

/** @throws {UsageError} where the setting names what is not a folder, or can be none. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST' && code !== 'ENOTDIR') throw error;
    throw new UsageError(`DATA_DIR must be a folder, or a place for one, not ${path}: ${message}`);
  }
}
