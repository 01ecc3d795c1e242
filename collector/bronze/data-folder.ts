import { randomBytes } from 'node:crypto';
import {
  link,
  mkdir,
  open,
  readFile,
  readlink,
  rename,
  stat,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { syncFolder } from './append-file.ts';

/** The data folder belongs to another collector that runs. */
export class FolderInUseError extends Error {
  constructor(dataDir: string, holder: Holder) {
    super(
      `The data folder ${dataDir} is in use by process ${holder.pid} on ${holder.host} (since ${holder.since}). ` +
        'Stop that collector, or give this one a folder of its own with DATA_DIR.',
    );
    this.name = 'FolderInUseError';
  }
}

interface Holder {
  pid: number;
  host: string;
  /** When the process began, in the kernel's own ticks: tells it from a later process with the same id. */
  begun: string;
  since: string;
  /** Where process ids mean something: containers may share a host name, and have ids of their own. */
  namespace: string;
  token: string;
}

const HEARTBEAT_MS = 2000;
/** A holder on another host (or in another container) that has not touched its lock for this long is gone. */
const SILENCE_MS = 4 * HEARTBEAT_MS;

/**
 * The lock on a data folder: one collector a folder. The file names the process that has it.
 *
 * Node has no flock, so the file tells whether its holder lives: by process id and start on the same host, by its
 * heartbeat where that cannot be asked (containers that share a volume have process ids of their own).
 */
export class DataFolder {
  readonly path: string;
  /** Name of this folder in the database's ledger, made once: offsets of one folder must never be taken for another's. */
  readonly collector: string;
  /** The last collector here did not say goodbye: files may be torn or unsynced. */
  readonly crashed: boolean;
  readonly #token: string;
  #whole: boolean;
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(path: string, collector: string, crashed: boolean, token: string) {
    this.path = path;
    this.collector = collector;
    this.crashed = crashed;
    this.#token = token;
    this.#whole = !crashed;
    this.#heartbeat = setInterval(() => void this.#beat(), HEARTBEAT_MS).unref();
  }

  /**
   * Makes the folder where it is missing and takes its lock.
   * @param clientId the folder's name begins with it, for people who read the ledger.
   * @throws {FolderInUseError} when a collector that runs has it.
   */
  static async lock(path: string, clientId: string): Promise<DataFolder> {
    await mkdir(path, { recursive: true });
    const token = randomBytes(8).toString('hex');
    const lock = join(path, 'collector.lock');
    let crashed = false;
    while (!(await create(lock, token))) {
      const holder = await readHolder(lock);
      if (holder === undefined) continue;
      if (await lives(lock, holder)) throw new FolderInUseError(path, holder);
      crashed = true;
      await removeStale(lock, holder.token);
    }
    return new DataFolder(path, await nameCollector(path, clientId), crashed, token);
  }

  /** The files have been checked after a crash. */
  repaired(): void {
    this.#whole = true;
  }

  /** A file could not be cut back to what counts: the next start has to check. */
  damaged(): void {
    this.#whole = false;
  }

  /** Gives the lock back. Where files are not known to be whole and synced it stays, and tells the next start of a crash. */
  async unlock(): Promise<void> {
    clearInterval(this.#heartbeat);
    const lock = join(this.path, 'collector.lock');
    if (this.#whole && (await readHolder(lock))?.token === this.#token) await unlink(lock);
  }

  async #beat(): Promise<void> {
    const lock = join(this.path, 'collector.lock');
    const holder = await readHolder(lock).catch(() => undefined);
    if (holder !== undefined && holder.token !== this.#token) {
      // We were away for so long, suspended perhaps, that another collector took us for dead. Two that append to the same
      // files would overwrite each other's lines; what we have not acknowledged comes again.
      process.stderr.write(
        `The data folder ${this.path} was taken over by process ${holder.pid} on ${holder.host}.\n`,
      );
      process.exit(1);
    }
    const now = new Date();
    await utimes(lock, now, now).catch(() => undefined);
  }
}

async function create(lock: string, token: string): Promise<boolean> {
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    begun: await processBegin(process.pid),
    since: new Date().toISOString(),
    namespace: await processNamespace(),
    token,
  };
  try {
    const handle = await open(lock, 'wx');
    await handle.writeFile(`${JSON.stringify(holder)}\n`);
    await handle.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Who has the lock; undefined when it has just gone. A lock that a crash left half written names nobody who lives. */
async function readHolder(lock: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(lock, 'utf8')) as Holder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (!(error instanceof SyntaxError)) throw error;
    return { pid: 0, host: '', begun: '', since: 'an unknown time', namespace: '', token: 'torn' };
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

async function lives(lock: string, holder: Holder): Promise<boolean> {
  if (holder.host === hostname() && holder.namespace === (await processNamespace())) {
    return (await processBegin(holder.pid)) === holder.begun && holder.begun !== '';
  }
  const mtimeMs = (await stat(lock).catch(() => undefined))?.mtimeMs;
  if (mtimeMs === undefined) return false;
  const deadline = Date.now() + SILENCE_MS;
  while (Date.now() < deadline) {
    await sleep(HEARTBEAT_MS / 4);
    const touched = await stat(lock).catch(() => undefined);
    if (touched === undefined) return false;
    if (touched.mtimeMs !== mtimeMs) return true;
  }
  return false;
}

/** The process namespace and the boot that we live in; '' where there is no /proc. */
async function processNamespace(): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${await readlink('/proc/self/ns/pid')} ${boot.trim()}`;
  } catch {
    return '';
  }
}

/** When a process began; '' when there is none. Where there is no /proc, 'alive' has to do. */
async function processBegin(pid: number): Promise<string> {
  try {
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ').pop()?.split(' ');
    // proc(5): field 22 is the start time; two are before the split, and counting begins at 1. A zombie is dead.
    return fields?.[0] === 'Z' ? '' : (fields?.[19] ?? '');
  } catch {
    if (process.platform === 'linux') return '';
    try {
      process.kill(pid, 0);
      return 'alive';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'alive' : '';
    }
  }
}

/** Whether a collector that runs has the folder. */
export async function isLocked(path: string): Promise<boolean> {
  const lock = join(path, 'collector.lock');
  const holder = await readHolder(lock);
  return holder !== undefined && (await lives(lock, holder));
}

/** The name that a data folder has in the ledger; it is made where it has none yet. */
export async function nameCollector(path: string, clientId: string): Promise<string> {
  const known = await readCollectorName(path);
  if (known !== undefined) return known;
  await mkdir(path, { recursive: true });
  const file = join(path, 'collector_id');
  const name = `${clientId}-${randomBytes(4).toString('hex')}`;
  await writeFile(`${file}.new`, `${name}\n`, { flush: true });
  await rename(`${file}.new`, file);
  await syncFolder(path);
  return name;
}

/** The name that a data folder has in the ledger; undefined where no collector has run. */
export async function readCollectorName(path: string): Promise<string | undefined> {
  try {
    return (await readFile(join(path, 'collector_id'), 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
