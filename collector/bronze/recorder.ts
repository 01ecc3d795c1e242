import { mkdir, open, readdir, rm, stat, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { inParallel } from '../in-parallel.ts';
import { decodePayload } from '../message.ts';
import type { Zone } from '../time.ts';
import { type AppendFile, syncFolder } from './append-file.ts';
import { DescriptorCache } from './descriptor-cache.ts';
import { Group } from './group.ts';
import { rawLine, rejectedLine } from './line.ts';
import { isRawFileName, rawFileName } from './partition.ts';
import { PartitionCache } from './partition-cache.ts';

/** "This raw file is durable up to byte `size`"; `lines` of them are new. */
export interface Durable {
  file: string;
  size: number;
  lines: number;
  /** The file begins with them. */
  anew: boolean;
}

export interface RecorderOptions {
  dataDir: string;
  zone: Zone;
  /** How many files may be open at once. */
  descriptors: number;
  log: Logger;
  /** ms since 1970; a parameter so that tests can set the clock. */
  now?: () => number;
}

/** Files of one group that are written and synced at the same time. More only queue up in libuv's thread pool. */
const PARALLEL_FILES = 32;
/** After a group of this many messages we are under load, and the next one is let grow. */
const LOAD_MESSAGES = 200;
/** A group grows for at most this long, and only while each step brings more: a broker may allow few in flight. */
const GROW_MS = 100;
const GROW_STEP_MS = 15;
const PROBE_BYTES = 256 * 1024;
const PROBE_EVERY_MS = 1000;

/**
 * Appends messages to raw files, in groups.
 *
 * States. *Recording*: messages join the open group; when the group before it is on disk, the open one is written: each
 * file once, then fsync, then its promise resolves. Groups never overlap, so under load they grow by themselves.
 * *Paused*, after a disk error: the failed group is cut from all its files and rejected, so is what comes after it, and
 * a probe writes to the disk until that works; then *recording* again.
 */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #files: DescriptorCache;
  readonly #now: () => number;
  readonly #parallelFiles: number;
  readonly #partitions = new PartitionCache();
  #open: Group | undefined;
  #running: Promise<void> | undefined;
  readonly #betweenGroups: (() => Promise<void>)[] = [];
  #failure: Error | undefined;
  /** Folders that hold entries of new files which are not synced yet. */
  readonly #unsynced = new Set<string>();
  /** Up to where each raw file is durable; listed when first asked for, kept up by each group. */
  #sizes: Map<string, number> | undefined;
  /** Messages in the last group. */
  #lastSize = 0;
  #probing: Promise<void> | undefined;
  readonly #stopping = new AbortController();
  /** Bytes of messages that are not yet on disk. */
  pendingBytes = 0;
  readonly counts = { recorded: 0, rejected: 0, groups: 0 };
  /** Called after each group, before its messages are acknowledged. */
  onDurable: (durable: Durable[]) => void = () => undefined;
  /** Called when the disk takes writes again. */
  onResumed: () => void = () => undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#parallelFiles = Math.min(PARALLEL_FILES, options.descriptors);
    this.#files = new DescriptorCache(options.dataDir, options.descriptors, (file, bytes) =>
      options.log.warn({ file, bytes }, 'cut a torn last line, left by a crash before it was acknowledged'),
    );
  }

  /** Makes the folders. After a crash (`repair`), cuts torn lines and syncs what the crash left unsynced. */
  async start(repair: boolean): Promise<void> {
    const { dataDir } = this.#options;
    for (const folder of ['raw', 'rejected']) {
      const path = join(dataDir, folder);
      await mkdir(path, { recursive: true });
      if (repair) await this.#repair(folder);
      await syncFolder(path);
    }
    await syncFolder(dataDir);
  }

  /**
   * Takes a message. It counts when the group's `durable` resolves, and not at all when that rejects.
   * @param topic text, or its bytes: they are read only when the message is rejected.
   * @param payload is copied.
   */
  record(topic: string | Buffer, payload: Buffer): Group {
    if (this.#failure !== undefined) return Group.rejected(this.#failure);
    const group = this.#open ?? this.#openGroup();
    const file = this.#partitions.fileOf(payload);
    if (file !== undefined) {
      group.add(file, payload);
      group.recorded++;
    } else this.#decodeAndAdd(group, topic, payload);
    this.pendingBytes += payload.length;
    group.payloadBytes += payload.length;
    return group;
  }

  #decodeAndAdd(group: Group, topic: string | Buffer, payload: Buffer): void {
    const now = this.#now();
    const reading = decodePayload(payload, this.#options.zone, now);
    if (typeof reading === 'string') {
      const file = `rejected/${new Date(now).toISOString().slice(0, 10)}.jsonl`;
      group.add(file, rejectedLine(topic.toString(), payload, reading, now));
      group.rejected.set(reading, (group.rejected.get(reading) ?? 0) + 1);
      return;
    }
    const file = `raw/${rawFileName(reading.sensorId, reading.time)}`;
    group.add(file, rawLine(payload));
    group.recorded++;
    this.#partitions.learn(payload, reading, file, now);
  }

  /** Whether messages come in a stream, rather than now and then. */
  get underLoad(): boolean {
    return this.#lastSize >= LOAD_MESSAGES;
  }

  /** Whether no file holds bytes that do not count. */
  get isWhole(): boolean {
    return this.#files.allTrusted;
  }

  /** Why nothing can be recorded at present; undefined when all is well. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Every raw file and up to where it is durable, taken between two groups. */
  snapshot(): Promise<Map<string, number>> {
    return new Promise((resolve, reject) => {
      this.#betweenGroups.push(() => this.#durableSizes().then(resolve, reject));
      this.#run();
    });
  }

  /** Writes what is open, then closes the files. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    while (this.#open !== undefined || this.#running !== undefined) {
      this.#run();
      await this.#running;
    }
    await this.#probing;
    await this.#files.closeAll();
  }

  #openGroup(): Group {
    const group = new Group();
    this.#open = group;
    // Everything that the same read from the socket brings joins the group before it is written.
    if (this.#running === undefined) setImmediate(() => this.#run());
    return group;
  }

  #run(): void {
    this.#running ??= this.#writeGroups().finally(() => {
      this.#running = undefined;
      if (this.#open !== undefined || this.#betweenGroups.length > 0) this.#run();
    });
  }

  async #writeGroups(): Promise<void> {
    for (;;) {
      for (const task of this.#betweenGroups.splice(0)) await task();
      if (this.#open !== undefined) await this.#letGrow();
      const group = this.#open;
      if (group === undefined) return;
      this.#open = undefined;
      this.#lastSize = group.size;
      await this.#writeGroup(group);
      group.release();
      this.pendingBytes -= group.payloadBytes;
    }
  }

  /** Under load, waits for more messages: a group costs its fsyncs and its messages between threads, whatever its size. */
  async #letGrow(): Promise<void> {
    const deadline = performance.now() + GROW_MS;
    let size = 0;
    while (
      this.underLoad &&
      this.#open !== undefined &&
      this.#open.size > size &&
      performance.now() < deadline &&
      !this.#stopping.signal.aborted
    ) {
      size = this.#open.size;
      await sleep(GROW_STEP_MS);
    }
  }

  async #writeGroup(group: Group): Promise<void> {
    const durable: Durable[] = [];
    const before = new Map<string, number>();
    const created: string[] = [];
    try {
      await inParallel(group.files, this.#parallelFiles, async ([file, lines]) => {
        const appended = await this.#append(file, lines.bytes, before, created);
        if (file.startsWith('raw/'))
          durable.push({
            file: file.slice(4),
            size: appended.size,
            lines: lines.count,
            anew: before.get(file) === 0,
          });
      });
      for (const file of created) this.#unsynced.add(file.slice(0, file.indexOf('/')));
      for (const folder of this.#unsynced) await syncFolder(join(this.#options.dataDir, folder));
      this.#unsynced.clear();
    } catch (error) {
      await this.#fail(group, before, created, error as NodeJS.ErrnoException);
      return;
    }
    this.counts.groups++;
    this.counts.recorded += group.recorded;
    this.counts.rejected += group.size - group.recorded;
    for (const { file, size } of durable) this.#sizes?.set(file, size);
    this.onDurable(durable);
    group.resolve();
  }

  async #append(
    file: string,
    lines: Buffer,
    before: Map<string, number>,
    created: string[],
  ): Promise<AppendFile> {
    const opened = await this.#files.take(file);
    if (opened.created && opened.size === 0) created.push(file);
    const size = opened.size;
    before.set(file, size);
    try {
      await opened.append(lines);
    } catch (error) {
      await this.#files.rollBack(file, opened, size);
      before.delete(file);
      throw error;
    }
    this.#files.giveBack(file, opened);
    return opened;
  }

  /** Cuts the group from every file, turns its messages away, and waits for the disk. */
  async #fail(group: Group, before: Map<string, number>, created: string[], error: NodeJS.ErrnoException) {
    for (const [file, size] of before) await this.#files.rollBack(file, undefined, size);
    // An entry that was not synced is not to be trusted either: the file is made again.
    for (const file of created) await unlink(join(this.#options.dataDir, file)).catch(() => undefined);
    const failure = new Error(
      `Cannot record to ${this.#options.dataDir}${await this.#freeSpace()}: ${error.message}. ` +
        'Nothing is acknowledged until the disk takes writes again; free some space or repair it.',
      { cause: error },
    );
    this.#failure = failure;
    group.reject(failure);
    this.#open?.reject(failure);
    this.pendingBytes -= this.#open?.payloadBytes ?? 0;
    this.#open = undefined;
    this.#options.log.error({ code: error.code, file: error.path }, failure.message);
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = undefined;
    });
  }

  async #freeSpace(): Promise<string> {
    try {
      const { bavail, blocks, bsize } = await statfs(this.#options.dataDir);
      return ` (${Math.floor((bavail * bsize) / 1e6)} of ${Math.floor((blocks * bsize) / 1e6)} MB free)`;
    } catch {
      return '';
    }
  }

  async #probe(): Promise<void> {
    const path = join(this.#options.dataDir, 'raw', '.probe');
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await sleep(PROBE_EVERY_MS, undefined, { signal }).catch(() => undefined);
      const works = await writeProbe(path).then(
        () => true,
        () => false,
      );
      if (!works) continue;
      this.#failure = undefined;
      this.#options.log.info('the disk takes writes again; recording goes on');
      this.onResumed();
      return;
    }
  }

  async #repair(folder: string): Promise<void> {
    const names = await readdir(join(this.#options.dataDir, folder));
    await inParallel(
      names.filter(name => name.endsWith('.jsonl')),
      this.#parallelFiles,
      async name => {
        const file = `${folder}/${name}`;
        const opened = await this.#files.take(file);
        // The crash may have left whole lines that were written but never synced; the loader may read them only now.
        await opened.append(Buffer.alloc(0));
        this.#files.giveBack(file, opened);
      },
    );
  }

  async #durableSizes(): Promise<Map<string, number>> {
    if (this.#sizes !== undefined) return this.#sizes;
    const folder = join(this.#options.dataDir, 'raw');
    const sizes = new Map<string, number>();
    const names = (await readdir(folder)).filter(isRawFileName);
    await inParallel(names, this.#parallelFiles, async name => {
      sizes.set(name, this.#files.trusted(`raw/${name}`) ?? (await stat(join(folder, name))).size);
    });
    this.#sizes = sizes;
    return sizes;
  }
}

async function writeProbe(path: string): Promise<void> {
  try {
    const handle = await open(path, 'w');
    try {
      await handle.write(Buffer.alloc(PROBE_BYTES));
      await handle.datasync();
    } finally {
      await handle.close();
    }
  } finally {
    await rm(path, { force: true });
  }
}
