import { unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inParallel } from '../../base/in-parallel.ts';
import type { EntryCount } from '../payload/entry-counts.ts';
import { type AppendFile, syncFolder } from './append-file.ts';
import type { DescriptorCache } from './descriptor-cache.ts';
import type { Group } from './group.ts';
import { type LateMark, lateMarkLine } from './late-marks.ts';
import { keyOfPath, lateMarksPath } from './raw-file-name.ts';
import type { SensorWatermarks } from './sensor-watermarks.ts';

/** "This raw file is durable up to byte `size`"; `lines` of them are new. */
export interface Durable {
  /** The key of the raw file. */
  file: string;
  size: number;
  /** What was added. */
  lines: number;
  bytes: number;
  /** The file begins with them. */
  anew: boolean;
  /** Marks that have been written beside them; absent where there are none. */
  marks?: LateMark[];
}

/** A group that is on disk. */
export interface DurableGroup {
  /** What it means for each raw file. */
  files: readonly Durable[];
  /** Its lines by the path of their file below the data folder; the memory is used again when the followers return. */
  lines: ReadonlyMap<string, { bytes: Buffer; count: number }>;
  messages: number;
  payloadBytes: number;
  rejected: Iterable<EntryCount>;
  /** Recorded messages of all entries but the one of plain messages, by entry. */
  taken: ReadonlyMap<string, number>;
  /** What the disk took for it. */
  seconds: number;
}

/** What writing a group has touched, so that it can be undone. */
interface Touched {
  /** Sizes of the files before the group. */
  before: Map<string, number>;
  /** Files that the group has made. */
  created: string[];
}

/** Puts groups on disk: each is in all its files, or in none. */
export class GroupWriter {
  readonly #root: string;
  readonly #files: DescriptorCache;
  readonly #watermarks: SensorWatermarks;
  readonly #parallel: number;
  readonly #fence: () => Promise<void>;
  /** Folders that hold entries of new files which are not synced yet. */
  readonly #unsynced = new Set<string>();

  /**
   * @param parallel how many files are written and synced at once.
   * @param fence throws where the files are not ours any more.
   */
  constructor(
    root: string,
    files: DescriptorCache,
    watermarks: SensorWatermarks,
    parallel: number,
    fence: () => Promise<void>,
  ) {
    this.#fence = fence;
    this.#root = root;
    this.#files = files;
    this.#watermarks = watermarks;
    this.#parallel = parallel;
  }

  /**
   * Appends the lines of a group to their files, and makes them durable.
   * @returns what that means for each raw file.
   * @throws the disk's error, after every file was cut back to what it was; the fence's, with nothing cut.
   */
  async write(group: Group): Promise<Durable[]> {
    const touched: Touched = { before: new Map(), created: [] };
    try {
      // First the marks: a line that a crash leaves without its mark would never be known to be late.
      const marks = await this.#appendMarks(group, touched);
      const durable: Durable[] = [];
      await inParallel(group.files, this.#parallel, async ([file, { bytes, count: lines }]) => {
        const size = await this.#append(file, bytes, touched);
        const key = keyOfPath(file);
        if (key === undefined) return;
        const anew = touched.before.get(file) === 0;
        durable.push({ file: key, size, lines, bytes: bytes.length, anew, ...marks.get(file) });
      });
      await this.#syncFolders(touched);
      return durable;
    } catch (error) {
      // What another collector has appended since must not be cut.
      await this.#fence();
      await this.#undo(touched);
      throw error;
    }
  }

  async #appendMarks(group: Group, touched: Touched): Promise<Map<string, { marks: LateMark[] }>> {
    const written = new Map<string, { marks: LateMark[] }>();
    if (group.lateChecks.length === 0) return written;
    const needed = await this.#watermarks.marksFor(group.lateChecks);
    await inParallel(needed, this.#parallel, async ([file, list]) => {
      const size = await this.#sizeOf(file, touched);
      const marks = list.map(mark => ({ ...mark, from: size + mark.from }));
      const name = lateMarksPath(file);
      if (size === 0) await this.#empty(name);
      await this.#append(name, Buffer.from(marks.map(lateMarkLine).join('')), touched);
      written.set(file, { marks });
    });
    await this.#syncFolders(touched);
    return written;
  }

  /** Where the group's lines will begin in a file, which is made where it is missing. */
  async #sizeOf(file: string, { before, created }: Touched): Promise<number> {
    const opened = await this.#take(file);
    const { size } = opened;
    if (opened.created && size === 0) created.push(file);
    before.set(file, size);
    this.#files.giveBack(file, opened);
    return size;
  }

  /** The marks of a raw file that begins anew were those of another file, which somebody has deleted. */
  async #empty(name: string): Promise<void> {
    const opened = await this.#take(name);
    await this.#files.rollBack(name, opened, 0);
  }

  /** Opens a file, or takes it from the cache. @throws errors that name it. */
  async #take(file: string): Promise<AppendFile> {
    try {
      return await this.#files.take(file);
    } catch (error) {
      throw naming(error, file);
    }
  }

  /** @returns the size of the file after it. */
  async #append(file: string, lines: Buffer, { before, created }: Touched): Promise<number> {
    const opened = await this.#take(file);
    const { size } = opened;
    if (size === 0) created.push(file);
    before.set(file, size);
    try {
      await opened.append(lines);
    } catch (error) {
      await this.#files.rollBack(file, opened, size);
      before.delete(file);
      throw naming(error, file);
    }
    this.#files.giveBack(file, opened);
    return opened.size;
  }

  /** A new file survives a power cut only when its folder is synced. */
  async #syncFolders({ created }: Touched): Promise<void> {
    for (const file of created) this.#unsynced.add(dirname(file));
    for (const folder of this.#unsynced) await syncFolder(join(this.#root, folder));
    this.#unsynced.clear();
  }

  /** Cuts the group from every file. */
  async #undo({ before, created }: Touched): Promise<void> {
    for (const [file, size] of before) await this.#files.rollBack(file, undefined, size);
    // An entry that was not synced is not to be trusted either: the file is made again.
    for (const file of created) await unlink(join(this.#root, file)).catch(() => undefined);
  }
}

/** The error of a file, with its path below the data folder in `file`. */
function naming(error: unknown, file: string): Error {
  return Object.assign(error as Error, { file });
}
