import { basename } from 'node:path';
import { type LateMark, readLateMarks } from './late-marks.ts';
import { RawFileName } from './raw-file-name.ts';
import { SensorMarks } from './sensor-marks.ts';

/** Older than every reading. */
const NONE = -1;

export interface WatermarkOptions {
  /** A reading is late when one that was recorded before it is more than this much newer. */
  lateMinutes: number;
  /** The newest second (since 1970) that was recorded before the first line; undefined where nothing is known. */
  newest?: number | undefined;
  /** The marks beside the file, in the order of their bytes. */
  marks?: readonly LateMark[];
  /** The marks beside the file of an hour, which say all there is to say of it. */
  sensorMarks?: SensorMarks | undefined;
  /** Where a file may hold readings of many sensors, as one from elsewhere does: the newest second of each. */
  sensors?: Map<string, number> | undefined;
}

/**
 * The newest reading among the lines of a file so far: it tells which of the following ones are late. The same lines and
 * marks give the same answers, whenever they are read and in however many pieces. Times are whole seconds since 1970.
 */
export class Watermark {
  readonly #lateMinutes: number;
  readonly #marks: readonly LateMark[];
  readonly #sensorMarks: SensorMarks | undefined;
  #nextMark = 0;
  /** What the marks so far say; it holds for every sensor of the file. */
  #floor: number;
  /** What is dated after this second was ahead of the clock when it was recorded, and makes nothing late. */
  #aheadOf = Number.POSITIVE_INFINITY;
  /** Of the sensor whose line came last. */
  #newest: number;
  readonly #sensors: Map<string, number> | undefined;
  #sensorId: string | undefined;
  /** Of the sensors before that one. */
  #greatest = NONE;

  constructor({ lateMinutes, newest = NONE, marks = [], sensorMarks, sensors }: WatermarkOptions) {
    this.#lateMinutes = lateMinutes;
    this.#marks = marks;
    this.#sensorMarks = sensorMarks;
    this.#floor = newest;
    this.#newest = newest;
    this.#sensors = sensors;
  }

  /** Takes in a line. @param offset where it begins. @returns whether its reading is late. */
  isLate(sensorId: string, second: number, offset: number): boolean {
    if (this.#sensorMarks !== undefined)
      return this.#sensorMarks.newestBefore(sensorId, offset) - second > this.#lateMinutes * 60;
    if (this.#nextMark < this.#marks.length) this.#passMarks(offset);
    if (this.#sensors !== undefined && sensorId !== this.#sensorId) this.#turnTo(sensorId, this.#sensors);
    if (second >= this.#newest) {
      if (second <= this.#aheadOf) this.#newest = second;
      return false;
    }
    return this.#newest - second > this.#lateMinutes * 60;
  }

  /** The newest second so far; undefined while there is none. */
  get newest(): number | undefined {
    const newest = Math.max(this.#newest, this.#greatest);
    return newest === NONE ? undefined : newest;
  }

  /** A copy, for lines that may have to be read a second time. */
  fork(): Watermark {
    if (this.#sensors !== undefined) this.#turnTo(undefined, this.#sensors);
    const fork = new Watermark({
      lateMinutes: this.#lateMinutes,
      newest: this.#newest,
      marks: this.#marks.slice(this.#nextMark),
      sensorMarks: this.#sensorMarks,
      sensors: this.#sensors && new Map(this.#sensors),
    });
    fork.#greatest = this.#greatest;
    fork.#aheadOf = this.#aheadOf;
    return fork;
  }

  #passMarks(offset: number): void {
    for (; this.#nextMark < this.#marks.length; this.#nextMark++) {
      const { from, newest = NONE, aheadOf = this.#aheadOf } = this.#marks[this.#nextMark]!;
      if (from > offset) return;
      this.#aheadOf = aheadOf;
      this.#floor = Math.max(this.#floor, newest);
      this.#newest = Math.max(this.#newest, newest);
    }
  }

  #turnTo(sensorId: string | undefined, sensors: Map<string, number>): void {
    this.#greatest = Math.max(this.#greatest, this.#newest);
    if (this.#sensorId !== undefined) sensors.set(this.#sensorId, this.#newest);
    // A copy: a part of a text would keep the whole of it in memory.
    this.#sensorId = sensorId === undefined ? undefined : Buffer.from(sensorId).toString();
    this.#newest = Math.max(this.#floor, sensors.get(sensorId ?? '') ?? NONE);
  }
}

/**
 * The watermark at the beginning of a file, with the marks beside it.
 * @param path in either form. @param isForeign it is from elsewhere, and may hold readings of many sensors.
 * @throws errors of the disk.
 */
export function watermarkOf(path: string, lateMinutes: number, isForeign: boolean): Watermark {
  const marks = readLateMarks(path);
  if (RawFileName.parse(basename(path))?.name.isOfHour)
    return new Watermark({ lateMinutes, sensorMarks: new SensorMarks(marks) });
  return new Watermark({ lateMinutes, marks, sensors: isForeign ? new Map() : undefined });
}
