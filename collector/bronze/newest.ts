import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { inParallel } from '../../base/in-parallel.ts';
import type { Zone } from '../../base/time.ts';
import { decodeReading } from '../payload/message.ts';
import type { LateMark } from './late-marks.ts';
import { splitLines } from './line-reader.ts';
import { streamLines } from './line-stream.ts';
import { compressedPath, type RawFileName } from './raw-file-name.ts';
import { listRawFiles } from './raw-folder.ts';

/** What has been recorded of one sensor. */
interface Sensor {
  /** The newest second (since 1970) of what this recorder was given; at first that of `found`. */
  newest: number;
  /** The newest second that stood in its files before; while `unread` is set only the day is right, not the time. */
  found: number;
  /** The raw file of that day. */
  unread: RawFileName | undefined;
}

/** A raw file that readings go to: one sensor, one day. */
export interface Partition {
  /** Below the data folder. */
  file: string;
  sensor: Sensor;
  /** The second (since 1970) at which its day begins. */
  day: number;
  /** By the last mark beside the file, readings before this second are late. */
  lateBefore: number;
}

/** A line for a file that is older than the newest one of its sensor. Whether it needs a mark shows when it is written. */
export interface LateCheck {
  partition: Partition;
  /** Bytes of its group that precede it in the file. */
  offset: number;
  second: number;
  /** The newest second that this recorder had been given of the sensor. */
  newest: number;
}

const DAY = 86_400;
const TAIL_BYTES = 4096;
/** Ids that somebody makes up endlessly must not fill the memory. What is forgotten comes back with the next reading. */
const MOST_SENSORS = 200_000;
const MOST_PARTITIONS = 50_000;
const READ_AT_ONCE = 32;

/**
 * The newest reading of each sensor, in the order of receipt. It tells which lines come so late that a newer reading
 * stands in the file of a later day: beside those goes a mark, as their own file does not show it.
 */
export class Newest {
  readonly #dataDir: string;
  readonly #lateSeconds: number;
  readonly #zone: Zone;
  readonly #onForget: () => void;
  /** By the part of the file name that stands for the sensor. */
  readonly #sensors = new Map<string, Sensor>();
  readonly #partitions = new Map<string, Partition>();

  /**
   * @param onForget told that partitions which were handed out do not count any more.
   */
  constructor(dataDir: string, lateMinutes: number, zone: Zone, onForget: () => void) {
    this.#dataDir = dataDir;
    this.#lateSeconds = lateMinutes * 60;
    this.#zone = zone;
    this.#onForget = onForget;
  }

  /** Forgets everything, and takes the newest day of each sensor from the names of its files. */
  async learn(): Promise<void> {
    const files = await listRawFiles(this.#dataDir);
    this.#sensors.clear();
    this.#forgetPartitions();
    for (const { name } of files.values()) {
      if (name.isOfTopic) continue;
      const { partition, day: found } = name;
      const known = this.#sensors.get(partition);
      if (known === undefined ? this.#sensors.size < MOST_SENSORS : known.found < found) {
        this.#sensors.set(partition, { newest: found, found, unread: name });
      }
    }
  }

  /** The partition of a raw file. */
  partitionOf(name: RawFileName): Partition {
    const { path, partition: id } = name;
    const known = this.#partitions.get(path);
    if (known !== undefined) return known;
    if (this.#sensors.size >= MOST_SENSORS && !this.#sensors.has(id)) this.#sensors.clear();
    if (this.#sensors.size === 0 || this.#partitions.size >= MOST_PARTITIONS) this.#forgetPartitions();
    const sensor = this.#sensors.get(id) ?? { newest: -1, found: -1, unread: undefined };
    this.#sensors.set(id, sensor);
    const partition = { file: path, sensor, day: name.day, lateBefore: 0 };
    this.#partitions.set(path, partition);
    return partition;
  }

  /** A raw file is gone, with its marks: the one that takes its name begins without any. */
  remove(file: string): void {
    const partition = this.#partitions.get(file);
    if (partition === undefined) return;
    partition.lateBefore = 0;
    this.#partitions.delete(file);
    this.#onForget();
  }

  /** Takes in a reading. @returns whether it may need a mark. Called for every message. */
  note({ sensor, day, lateBefore }: Partition, second: number): boolean {
    if (second >= sensor.newest) {
      sensor.newest = second;
      return false;
    }
    if (second < lateBefore || sensor.newest - day < DAY) return false;
    return sensor.unread !== undefined || sensor.newest - second > this.#lateSeconds;
  }

  /**
   * The marks that lines need, by file; `from` counts the bytes of the group. A line needs one when it is late and the marks
   * before do not say so, so once the sensor is far into a later day, a file needs no more of them.
   * @param checks those of one group, in the order of receipt. Everything recorded before is on disk.
   */
  async marksFor(checks: readonly LateCheck[]): Promise<Map<string, LateMark[]>> {
    const unread = new Set(
      checks.filter(check => this.#isUncertain(check)).map(({ partition }) => partition.sensor),
    );
    await inParallel(unread, READ_AT_ONCE, sensor => this.#read(sensor));
    const marks = new Map<string, LateMark[]>();
    for (const { partition, offset, second, newest: given } of checks) {
      const newest = Math.max(given, partition.sensor.found);
      if (second < partition.lateBefore || newest - second <= this.#lateSeconds) continue;
      partition.lateBefore = newest - this.#lateSeconds;
      const ofFile = marks.get(partition.file) ?? [];
      ofFile.push({ from: offset, newest });
      marks.set(partition.file, ofFile);
    }
    return marks;
  }

  /** Whether it matters what stood in the newest file before, beyond its day. */
  #isUncertain({ partition: { sensor, day }, newest }: LateCheck): boolean {
    // All of the file's day is late, or a newer day has begun since.
    const isClear = newest >= day + DAY + this.#lateSeconds || newest >= sensor.found + DAY;
    return sensor.unread !== undefined && !isClear;
  }

  /** Reads when the newest file's last reading was. Where nobody can tell, the day has to do. */
  async #read(sensor: Sensor): Promise<void> {
    const path = join(this.#dataDir, sensor.unread!.path);
    const day = sensor.found;
    let found = await this.#newestOfTail(path).catch(() => day);
    // Out of order, its newest reading may be none of the last; it matters only while not all of the day before is late.
    if (found < day + this.#lateSeconds) {
      found = await this.#newestOf(path)
        .catch(() => this.#newestOf(compressedPath(path)))
        .catch(() => day);
    }
    sensor.found = Math.max(day, found);
    sensor.newest = Math.max(sensor.newest, sensor.found);
    sensor.unread = undefined;
  }

  async #newestOfTail(path: string): Promise<number> {
    await using file = await open(path);
    const { size } = await file.stat();
    const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const { bytesRead } = await file.read(tail, 0, tail.length, size - tail.length);
    return this.#newestIn(tail.subarray(0, bytesRead));
  }

  async #newestOf(path: string): Promise<number> {
    let newest = 0;
    for await (const { bytes } of streamLines(path, 'skip')) newest = Math.max(newest, this.#newestIn(bytes));
    return newest;
  }

  #newestIn(lines: Buffer): number {
    let newest = 0;
    for (const { bytes } of splitLines(lines, 0)) {
      const reading = decodeReading(bytes.toString('utf8'), this.#zone);
      if (typeof reading !== 'string') newest = Math.max(newest, Math.floor(reading.time / 1e6));
    }
    return newest;
  }

  #forgetPartitions(): void {
    this.#partitions.clear();
    this.#onForget();
  }
}
