import { inParallel } from '../../base/in-parallel.ts';
import type { Decoder } from '../payload/decoder.ts';
import { AHEAD_S } from './clock-watch.ts';
import type { LateMark } from './late-marks.ts';
import { newestReading } from './newest-reading.ts';
import { keyOfPath, RawFileName, safeName } from './raw-file-name.ts';
import type { FolderEntry } from './raw-folder.ts';
import {
  compareWithClock,
  NOTHING,
  newSensorState,
  type Partition,
  type SensorState,
  UNKNOWN,
} from './sensor-partition.ts';

/** Why a line may need a mark. */
export interface LateDoubt {
  /**
   * It may be late without its file showing it: the newest second that this recorder had been given of the sensor. Whether
   * it needs a mark shows when it is written.
   */
  newest?: number | undefined;
  /** It needs a mark that says so: see `LateMark`. */
  aheadOf?: number | undefined;
}

/** A line that may need a mark. */
export interface LateCheck extends LateDoubt {
  partition: Partition;
  /** Bytes of its group that precede it in the file. */
  offset: number;
  second: number;
}

export interface WatermarkSettings {
  /** A reading is late when one of the same sensor that is more than this much newer was recorded before it. */
  lateMinutes: number;
  /** Of plain messages. */
  decoder: Decoder;
}

const DAY = 86_400;
/** Unbounded ids must not fill the memory. What is forgotten comes back with the next reading. */
const MOST_SENSORS = 200_000;
const MOST_PARTITIONS = 50_000;
const READ_AT_ONCE = 32;
const USUAL = { isAhead: false, aheadOf: undefined };

/**
 * The newest reading of each sensor, in the order of receipt. It tells which lines come so late that a newer reading
 * stands in another file: beside those goes a mark, as their own file does not show it. In the file of an hour every late
 * line has a mark: whoever reads it would have to remember all sensors otherwise. A reading that is ahead of the clock
 * makes no other one late; where such readings begin and end in a sensor's own file, a mark says so as well.
 */
export class SensorWatermarks {
  readonly #dataDir: string;
  readonly #lateSeconds: number;
  readonly #decoder: Decoder;
  readonly #onForget: () => void;
  /** By the part of the file name that stands for the sensor. */
  readonly #sensors = new Map<string, SensorState>();
  /** The file of an hour that was asked for last. */
  #hour = { key: '', file: '', day: 0, end: 0 };
  /** Those of sensors' own files. */
  readonly #partitions = new Map<string, Partition>();
  /** Files that have marks which were not written by one of the partitions above. */
  readonly #marked = new Set<string>();

  /** @param onForget called when partitions that were handed out do not count any more. */
  constructor(dataDir: string, { lateMinutes, decoder }: WatermarkSettings, onForget: () => void) {
    this.#dataDir = dataDir;
    this.#lateSeconds = lateMinutes * 60;
    this.#decoder = decoder;
    this.#onForget = onForget;
  }

  /** Forgets everything. */
  forget(): void {
    this.#sensors.clear();
    this.#forgetPartitions();
    this.#marked.clear();
  }

  /**
   * Takes the newest day of each sensor from the names of its files.
   * @param clock s since 1970: the files of days that it has not reached hold what is ahead of it.
   */
  learn(entries: readonly FolderEntry[], clock: number): void {
    for (const { name, form } of entries) {
      if (!name.isOfSensor) continue;
      const { partition, day: found } = name;
      if (form === 'marks' && found > clock - 2 * DAY) this.#marked.add(name.path);
      if (form === 'marks' || found > clock + AHEAD_S) continue;
      const known = this.#sensors.get(partition);
      if (known === undefined ? this.#sensors.size < MOST_SENSORS : known.found < found) {
        this.#sensors.set(partition, { ...newSensorState(), newest: found, found, unread: name });
      }
    }
  }

  /** Takes the newest second (since 1970) of sensors in files of hours, by id. */
  learnOfHours(ofHours: Iterable<[string, number]>): void {
    for (const [id, second] of ofHours) {
      if (this.#sensors.size >= MOST_SENSORS) break;
      const sensor = this.#sensor(safeName(id));
      sensor.id = id;
      sensor.ofHours = second;
      sensor.newest = Math.max(sensor.newest, second);
    }
  }

  /** The partition of a sensor in a raw file. */
  partitionOf(name: RawFileName, sensorId: string): Partition {
    return name.isOfHour ? this.#hourPartition(name, sensorId) : this.#dayPartition(name);
  }

  #dayPartition(name: RawFileName): Partition {
    const { path, partition: id, day, end } = name;
    const known = this.#partitions.get(path);
    if (known !== undefined) return known;
    if (this.#partitions.size >= MOST_PARTITIONS) this.#forgetPartitions();
    const sensor = this.#sensor(id);
    const aheadOf = this.#marked.has(path) ? UNKNOWN : NOTHING;
    const partition = { file: path, sensor, sensorId: undefined, day, end, lateBefore: 0, aheadOf };
    this.#partitions.set(path, partition);
    return partition;
  }

  #hourPartition(name: RawFileName, sensorId: string): Partition {
    // One for all sensors, which then have the same text in memory.
    if (name.key !== this.#hour.key)
      this.#hour = { key: name.key, file: name.path, day: name.day, end: name.end };
    const { file, day, end } = this.#hour;
    const sensor = this.#sensor(safeName(sensorId));
    const known = sensor.recent.find(other => other.file === file);
    if (known !== undefined) return known;
    sensor.id ??= sensorId;
    const partition = { file, sensor, sensorId: sensor.id, day, end, lateBefore: 0, aheadOf: NOTHING };
    // Two, as those who send late ones mostly send new ones as well. What is forgotten costs another mark.
    sensor.recent = [partition, ...sensor.recent.slice(0, 1)];
    return partition;
  }

  #sensor(id: string): SensorState {
    const known = this.#sensors.get(id);
    if (known !== undefined) return known;
    if (this.#sensors.size >= MOST_SENSORS) {
      this.#sensors.clear();
      this.#forgetPartitions();
    }
    const sensor = newSensorState();
    this.#sensors.set(id, sensor);
    return sensor;
  }

  /** A raw file is gone, with its marks: the one that takes its name begins without any. */
  remove(file: string): void {
    this.#marked.delete(file);
    const partition = this.#partitions.get(file);
    if (partition !== undefined) this.#removePartition(partition);
    if (!RawFileName.ofKey(keyOfPath(file) ?? '')?.isOfHour) return;
    for (const { recent } of this.#sensors.values())
      for (const partition of recent) if (partition.file === file) this.#removePartition(partition);
  }

  #removePartition(partition: Partition): void {
    partition.lateBefore = 0;
    partition.aheadOf = NOTHING;
    partition.sensor.recent = partition.sensor.recent.filter(other => other !== partition);
    this.#partitions.delete(partition.file);
    this.#onForget();
  }

  /**
   * Takes in a reading. Called for every message.
   * @param clock s since 1970. @returns why it may need a mark; undefined: it needs none.
   */
  note(partition: Partition, second: number, clock: number): LateDoubt | undefined {
    const isUsual = second <= clock + AHEAD_S && second <= partition.aheadOf;
    const { isAhead, aheadOf } = isUsual ? USUAL : compareWithClock(partition, second, clock);
    const newest = this.#mayBeLate(partition, second) ? partition.sensor.newest : undefined;
    if (!isAhead && second > partition.sensor.newest) partition.sensor.newest = second;
    return newest === undefined && aheadOf === undefined ? undefined : { newest, aheadOf };
  }

  /** Whether a reading may be late by what stands in another file. */
  #mayBeLate({ sensor, sensorId, day, lateBefore }: Partition, second: number): boolean {
    // Nothing in the file of an hour shows what stands in the sensor's own.
    if (second >= sensor.newest)
      return sensorId !== undefined && sensor.unread !== undefined && second < sensor.found + DAY;
    if (second < lateBefore) return false;
    // What stands before it in its own file shows that it is late.
    if (sensorId === undefined && sensor.newest - day < DAY && sensor.ofHours - second <= this.#lateSeconds)
      return false;
    return sensor.unread !== undefined || sensor.newest - second > this.#lateSeconds;
  }

  /**
   * The marks that lines need, by file; `from` counts the bytes of the group. A line needs one when it is late and the marks
   * before do not say so, so once the sensor is far into a later day or hour, it needs no more of them.
   * @param checks those of one group, in the order of receipt. Everything recorded before is on disk.
   */
  async marksFor(checks: readonly LateCheck[]): Promise<Map<string, LateMark[]>> {
    const unread = new Set(
      checks.filter(check => this.#isUncertain(check)).map(({ partition }) => partition.sensor),
    );
    await inParallel(unread, READ_AT_ONCE, sensor => this.#read(sensor));
    const marks = new Map<string, LateMark[]>();
    for (const { partition, offset: from, second, newest: given, aheadOf } of checks) {
      const ofFile = marks.get(partition.file) ?? [];
      if (aheadOf !== undefined) ofFile.push({ from, aheadOf });
      const { found, wrong } = partition.sensor;
      const newest = given === undefined ? second : Math.max(given === wrong ? -1 : given, found);
      if (second >= partition.lateBefore && newest - second > this.#lateSeconds) {
        partition.lateBefore = newest - this.#lateSeconds;
        const { sensorId: sensor } = partition;
        ofFile.push(sensor === undefined ? { from, newest } : { from, newest, sensor });
      }
      if (ofFile.length > 0) marks.set(partition.file, ofFile);
    }
    return marks;
  }

  /** The newest second (since 1970) of each sensor that has readings in files of hours, by id. */
  *ofHours(): Generator<[string, number]> {
    for (const { id, newest } of this.#sensors.values()) if (id !== undefined) yield [id, newest];
  }

  /** Whether it matters what stood in the newest file before, beyond its day. */
  #isUncertain({ partition: { sensor, end }, newest }: LateCheck): boolean {
    if (newest === undefined) return false;
    // All of the file's day is late, or a newer day has begun since.
    const isClear = newest >= end + this.#lateSeconds || newest >= sensor.found + DAY;
    return sensor.unread !== undefined && !isClear;
  }

  /** Reads when the newest file's last reading was. It matters only while not all of the day before is late. */
  async #read(sensor: SensorState): Promise<void> {
    const day = sensor.found;
    const doubtful = day + this.#lateSeconds;
    sensor.found = await newestReading(this.#dataDir, sensor.unread!, this.#decoder, doubtful);
    if (sensor.found < day) sensor.wrong = day;
    sensor.newest = sensor.newest === sensor.wrong ? sensor.found : Math.max(sensor.newest, sensor.found);
    sensor.unread = undefined;
  }

  #forgetPartitions(): void {
    const marked = [...this.#partitions.values()].filter(({ aheadOf }) => aheadOf !== NOTHING);
    if (this.#marked.size > MOST_PARTITIONS) this.#marked.clear();
    for (const { file } of marked) this.#marked.add(file);
    this.#partitions.clear();
    this.#onForget();
  }
}
