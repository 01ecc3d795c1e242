import { join } from 'node:path';
import { type LateMark, marksFrom, readLateMarks } from '../bronze/late-marks.ts';
import { RawFileName } from '../bronze/raw-file-name.ts';
import { SensorMarks } from '../bronze/sensor-marks.ts';
import { Watermark } from '../bronze/watermark.ts';

/** A file that cannot be read is tried again after this long, and then after twice as long each time. */
const FIRST_WAIT_MS = 1000;
const MOST_WAIT_MS = 60_000;

/** What the loader knows of a raw file: how far it is durable and loaded, in which form it is there, and what is wrong with it. */
export class BacklogFile {
  /** Its name in the ledger. */
  readonly key: string;
  /** It holds lines of many sensors. */
  readonly isOfHour: boolean;
  durable = 0;
  /** Loaded up to this byte; undefined: the ledger has not been asked yet. */
  loaded: number | undefined;
  /** The newest second (since 1970) that was recorded before that, where one is known. */
  newest: number | undefined;
  /** Those that count for the lines that are not loaded: see `marksFrom`. */
  marks: LateMark[] = [];
  /** Of the file of an hour: all that stand beside its durable lines; undefined: they are to be read. */
  sensorMarks: SensorMarks | undefined;
  /** It has begun, and is not known to be loaded from its beginning: an entry of the ledger may not be its own. */
  begun = false;
  /** Only its compressed form is there. */
  isCompressed = false;
  /** Why it cannot be read; undefined: it can, as far as is known. */
  trouble: string | undefined;
  #retryAt = 0;
  #waitMs = FIRST_WAIT_MS;

  constructor(key: string) {
    this.key = key;
    this.isOfHour = RawFileName.ofKey(key)?.isOfHour ?? false;
  }

  /** Durable bytes that are not loaded. A file that was cut counts as well: looking at it is how we find out. */
  get pendingBytes(): number {
    return this.loaded === undefined ? 1 : Math.max(1, this.durable - this.loaded);
  }

  /** Takes in marks that were written beside lines which have become durable. */
  addMarks(marks: readonly LateMark[]): void {
    if (!this.isOfHour) this.marks.push(...marks);
    else if (this.sensorMarks !== undefined) for (const mark of marks) this.sensorMarks.add(mark);
  }

  /** Reads the marks for the lines that are not loaded. @param folder of the raw files. @throws errors of the disk. */
  readMarks(folder: string): void {
    this.marks = this.isOfHour ? [] : marksFrom(this.#marksBeside(folder), this.loaded ?? 0);
  }

  /** Tells its late lines. @param folder of the raw files. @throws errors of the disk. */
  watermark(folder: string, lateMinutes: number): Watermark {
    const { newest, marks } = this;
    if (!this.isOfHour) return new Watermark({ lateMinutes, newest, marks });
    this.sensorMarks ??= new SensorMarks(this.#marksBeside(folder));
    return new Watermark({ lateMinutes, sensorMarks: this.sensorMarks });
  }

  /** What the recorder may be writing behind the durable lines is not to be trusted. */
  #marksBeside(folder: string): LateMark[] {
    return readLateMarks(join(folder, this.key)).filter(({ from }) => from < this.durable);
  }

  /** Leaves it alone for a while. @param now ms of a clock that only the caller knows. */
  defer(trouble: string, now: number): void {
    this.trouble = trouble;
    this.#retryAt = now + this.#waitMs;
    this.#waitMs = Math.min(MOST_WAIT_MS, this.#waitMs * 2);
  }

  /** It could be read. */
  mended(): void {
    this.trouble = undefined;
    this.#waitMs = FIRST_WAIT_MS;
  }

  /** ms until it is to be tried again; 0: now. */
  untilRetry(now: number): number {
    return this.trouble === undefined ? 0 : Math.max(0, this.#retryAt - now);
  }
}
