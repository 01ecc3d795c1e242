import { mkdir } from 'node:fs/promises';
import type { Logger } from 'pino';
import { Feed } from '../../base/feed.ts';
import type { Rejection } from '../payload/reading.ts';
import type { Topics } from '../payload/topics.ts';
import type { Delivery } from '../source/delivery.ts';
import type { Origin } from '../source/sink.ts';
import { syncFolder } from './append-file.ts';
import type { ClockWatch } from './clock-watch.ts';
import { tidyRawFolder } from './compressed-file.ts';
import { type DataFolder, FolderLostError } from './data-folder.ts';
import { DescriptorCache } from './descriptor-cache.ts';
import { Filing } from './filing.ts';
import { Group } from './group.ts';
import { type Durable, type DurableGroup, GroupWriter } from './group-writer.ts';
import { letGrow } from './growth.ts';
import { Outage } from './outage.ts';
import { rawFolder } from './raw-file-name.ts';
import { RawIndex } from './raw-index.ts';
import { RawSizes } from './raw-sizes.ts';
import { rejectedFolder } from './rejected-file.ts';
import { repairDataFolder } from './repair.ts';

export interface RecorderOptions {
  dataDir: string;
  /** Records into files of hours, named after this collector (its name in the ledger); absent: into files of sensors and topics. */
  hourly?: string | undefined;
  /** What messages mean. */
  topics: Topics;
  /** A reading is late when one of the same sensor that is more than this much newer was recorded before it. */
  lateMinutes: number;
  /** How many files may be open at once. */
  descriptors: number;
  log: Logger;
  /** Whose folder it is; absent where nobody else can take it. */
  folder?: Pick<DataFolder, 'check' | 'isContested'> | undefined;
  /** Compares the readings with the clock. */
  clock?: ClockWatch | undefined;
  /** ms since 1970; a parameter so that tests can set the clock. */
  now?: () => number;
}

/**
 * Files of one group that are written and synced at the same time: enough to keep libuv's threads busy (see runtime.ts). What
 * several threads sync at once, the file system commits together.
 */
const PARALLEL_FILES = 64;
/** After a group of this many messages we are under load, and the next one is let grow. */
const LOAD_MESSAGES = 200;

/**
 * Appends messages to raw files, in groups. Who brought a message waits for its group's promise; who follows what is recorded
 * (loader, live stream, metrics) follows `groups`, and cannot hold up or end recording.
 *
 * States. *Recording*: messages join the open group; when the group before it is on disk, the open one is written: each
 * file once, then fsync, then its promise resolves. Groups never overlap, so under load they grow by themselves.
 * *Paused*, after a disk error: the failed group is cut from all its files and rejected, so is what comes after it, and
 * a probe writes to the disk until that works; then *recording* again. *Halted*, when another collector has taken the data
 * folder: nothing is acknowledged any more, and nothing is cut.
 */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #files: DescriptorCache;
  readonly #parallelFiles: number;
  readonly #writer: GroupWriter;
  readonly #index: RawIndex;
  readonly #filing: Filing;
  readonly #fence: () => Promise<void>;
  readonly #outage: Outage;
  #open: Group | undefined;
  #running: Promise<void> | undefined;
  readonly #betweenGroups: (() => Promise<void>)[] = [];
  readonly #sizes: RawSizes;
  /** Messages in the last group. */
  #lastSize = 0;
  /** Bytes of messages that are not yet on disk. */
  pendingBytes = 0;
  readonly counts = { recorded: 0, rejected: 0, ignored: 0, groups: 0 };
  /** Each group that has become durable, in their order. */
  readonly groups: Feed<DurableGroup>;

  constructor(options: RecorderOptions) {
    this.#options = options;
    const { dataDir, topics, lateMinutes, hourly, log, folder, clock, now = Date.now } = options;
    this.#index = new RawIndex({
      dataDir,
      hourly,
      lateMinutes,
      decoder: topics.plain.decoder,
      now,
      onForget: () => this.#filing.forget(),
      log,
    });
    const { names, watermarks, topicFiles: files } = this.#index;
    this.#filing = new Filing({ topics, watermarks, files, names, clock, now, hourly: hourly !== undefined });
    this.#fence = async () => folder?.check();
    this.#outage = new Outage({ dataDir, names, learn: () => this.#index.learn(), log });
    this.groups = new Feed(error => log.error({ err: error }, 'what follows the recorder has failed'));
    this.#parallelFiles = Math.min(PARALLEL_FILES, options.descriptors);
    this.#sizes = new RawSizes(dataDir, (file, { message }) =>
      log.error({ file, reason: message }, 'a raw file cannot be read; it is left out'),
    );
    this.#files = new DescriptorCache(dataDir, {
      limit: options.descriptors,
      onCut: (file, bytes) =>
        log.warn({ file, bytes }, 'cut a torn last line, left by a crash before it was acknowledged'),
      onDamage: (file, { message }) =>
        log.error({ file, reason: message }, 'a compressed raw file is kept aside; it begins anew'),
      isContested: folder?.isContested ?? false,
    });
    this.#writer = new GroupWriter(dataDir, this.#files, watermarks, this.#parallelFiles, this.#fence);
  }

  /** Makes the folders. After a crash (`repair`), cuts torn lines and syncs what the crash left unsynced. */
  async start(repair: boolean): Promise<void> {
    const { dataDir, log } = this.#options;
    const folders = [rawFolder(dataDir), rejectedFolder(dataDir)];
    for (const folder of folders) await mkdir(folder, { recursive: true });
    await this.#index.names.probe(rawFolder(dataDir));
    await this.#tidy();
    if (repair) {
      await repairDataFolder(dataDir, this.#files, this.#parallelFiles, (file, { message }) => {
        this.#index.names.avoid(file);
        log.error(
          { file, reason: message },
          'a file cannot be repaired after a crash; its lines go to a file beside it. Repair or remove it',
        );
      });
    }
    for (const folder of [...folders, dataDir]) await syncFolder(folder);
    await this.#index.learn();
  }

  /**
   * Takes a message. It counts when the group's `durable` resolves, and not at all when that rejects.
   * @param topic text, or its bytes.
   * @param payload is copied.
   */
  record(topic: string | Buffer, payload: Buffer, delivery: Delivery = 0, origin?: Origin): Group {
    const { failure } = this.#outage;
    if (failure !== undefined) return Group.rejected(failure);
    const group = this.#open ?? this.#openGroup();
    this.#filing.add(group, topic, payload, delivery, origin);
    this.pendingBytes += payload.length;
    group.payloadBytes += payload.length;
    return group;
  }

  /** Goes by another topics file from the next message on. */
  take(topics: Topics): void {
    this.#filing.take(topics);
  }

  /** Takes what another topics file takes as well, while the subscription changes; undefined: not any more. */
  alsoTake(topics: Topics | undefined): void {
    this.#filing.alsoTake(topics);
  }

  /**
   * Takes what its source cannot use, as a rejected message. It counts as what `record` takes.
   * @param payload is copied.
   */
  reject(topic: string, payload: Buffer, reason: Rejection): Group {
    const { failure } = this.#outage;
    if (failure !== undefined) return Group.rejected(failure);
    const group = this.#open ?? this.#openGroup();
    this.#filing.reject(group, topic, payload, reason);
    this.pendingBytes += payload.length;
    group.payloadBytes += payload.length;
    return group;
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
    return this.#outage.failure;
  }

  /** Resolves when something can be recorded, and when the recorder stops. */
  untilRecording(): Promise<void> {
    return this.#outage.untilOver();
  }

  /** Raw files that `sizes` had to leave out when it was last asked for, by key, and why. */
  get damaged(): ReadonlyMap<string, string> {
    return this.#sizes.damaged;
  }

  /** Every raw file and up to where it is durable, some at a time; of compressed ones the length of their text: see `RawSizes`. */
  sizes(): AsyncGenerator<Map<string, number>> {
    return this.#sizes.pages(
      task => this.#between(task),
      file => this.#files.trusted(file),
    );
  }

  /**
   * Lets raw or rejected files be moved or removed, between two groups: nothing is appended to any file meanwhile, and these
   * are closed.
   * @param files relative to the data folder.
   * @param change what to do with those that hold nothing but what counts. @returns the ones that are gone now.
   */
  async exchange(files: string[], change: (whole: string[]) => Promise<string[]>): Promise<void> {
    await this.#between(async () => {
      await this.#fence();
      for (const file of files) await this.#files.drop(file);
      const gone = await change(files.filter(file => this.#files.trusted(file) === undefined));
      for (const file of gone) this.#index.remove(file);
    });
  }

  #between<T>(task: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#betweenGroups.push(() => task().then(resolve, reject));
      this.#run();
    });
  }

  /** Writes what is open, then closes the files. */
  async stop(): Promise<void> {
    this.#outage.stop();
    while (this.#open !== undefined || this.#running !== undefined) {
      this.#run();
      await this.#running;
    }
    await this.#outage.untilOver();
    if (this.failure === undefined) await this.#index.stop();
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
      if (this.underLoad) await letGrow(() => this.#open, this.#outage.signal);
      const group = this.#open;
      if (group === undefined) return;
      this.#open = undefined;
      this.#lastSize = group.size;
      this.#sizes.begin([...group.files.keys()]);
      await this.#writeGroup(group);
      this.#sizes.end();
      group.release();
      this.pendingBytes -= group.payloadBytes;
    }
  }

  async #writeGroup(group: Group): Promise<void> {
    const began = performance.now();
    let durable: Durable[];
    try {
      durable = await this.#writer.write(group);
      // Whoever takes the folder after this sees the group; before it, the group is not acknowledged.
      await this.#fence();
    } catch (error) {
      const isLost = error instanceof FolderLostError;
      this.#turnAway(group, isLost ? this.#outage.halt(error) : await this.#outage.begin(error as Error));
      return;
    }
    this.counts.groups++;
    this.#outage.groupSucceeded();
    this.counts.recorded += group.recorded;
    this.counts.rejected += group.size - group.recorded;
    this.counts.ignored += group.ignored;
    for (const { file, size } of durable) this.#sizes.note(file, size);
    this.#index.durable(durable);
    const seconds = (performance.now() - began) / 1000;
    group.resolve();
    // First the acknowledgements, which wait for that.
    await Promise.resolve();
    const { files: lines, size: messages, payloadBytes, rejected, taken } = group;
    this.groups.publish({ files: durable, lines, messages, payloadBytes, rejected, taken, seconds });
  }

  /** Turns the messages of a group, and of the one after it, away. */
  #turnAway(group: Group, failure: Error): void {
    group.reject(failure);
    this.#index.turnedAway();
    this.#open?.reject(failure);
    this.pendingBytes -= this.#open?.payloadBytes ?? 0;
    this.#open = undefined;
  }

  #tidy(): Promise<void> {
    return tidyRawFolder(this.#options.dataDir, file =>
      this.#options.log.error(
        { file },
        'a raw file and its compressed form say different things: somebody has put one of them there. The plain one counts',
      ),
    );
  }
}
