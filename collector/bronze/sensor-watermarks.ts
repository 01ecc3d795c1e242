import { inParallel } from '../../base/in-parallel.ts';
import type { Decoder } from '../payload/decoder.ts';
import type { LateMark } from './late-marks.ts';
import { newestReading } from './newest-reading.ts';
import type { RawFileName } from './raw-file-name.ts';
import type { ListedFile } from './raw-folder.ts';

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
/** Unbounded ids must not fill the memory. What is forgotten comes back with the next reading. */
const MOST_SENSORS = 200_000;
const MOST_PARTITIONS = 50_000;
const READ_AT_ONCE = 32;

/**
 * The newest reading of each sensor, in the order of receipt. It tells which lines come so late that a newer reading
 * stands in the file of a later day: beside those goes a mark, as their own file does not show it.
 */
export class SensorWatermarks {
  readonly #dataDir: string;
  readonly #lateSeconds: number;
  readonly #decoder: Decoder;
  readonly #onForget: () => void;
  /** By the part of the file name that stands for the sensor. */
  readonly #sensors = new Map<string, Sensor>();
  readonly #partitions = new Map<string, Partition>();

  /**
   * @param decoder of plain messages.
   * @param onForget called when partitions that were handed out do not count any more.
   */
  constructor(dataDir: string, lateMinutes: number, decoder: Decoder, onForget: () => void) {
    this.#dataDir = dataDir;
    this.#lateSeconds = lateMinutes * 60;
    this.#decoder = decoder;
    this.#onForget = onForget;
  }

  /** Forgets everything, and takes the newest day of each sensor from the names of its files. */
  learn(files: Iterable<ListedFile>): void {
    this.#sensors.clear();
    this.#forgetPartitions();
    for (const { name } of files) {
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

  /** Reads when the newest file's last reading was. It matters only while not all of the day before is late. */
  async #read(sensor: Sensor): Promise<void> {
    const doubtful = sensor.found + this.#lateSeconds;
    sensor.found = await newestReading(this.#dataDir, sensor.unread!, this.#decoder, doubtful);
    sensor.newest = Math.max(sensor.newest, sensor.found);
    sensor.unread = undefined;
  }

  #forgetPartitions(): void {
    this.#partitions.clear();
    this.#onForget();
  }
}
