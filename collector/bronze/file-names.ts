import { access, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Micros } from '../../base/time.ts';
import { RawFileName } from './raw-file-name.ts';
import type { FolderEntry } from './raw-folder.ts';
import { rejectedFile, rejectedFileBeside } from './rejected-file.ts';

const HOUR: Micros = 3_600e6;

/**
 * Which names files have. A file that cannot be written, while others can, is left alone: its lines go to one beside it, so
 * that it costs nobody anything but a look.
 *
 * The names of raw files in a folder whose file system may ignore case (macOS's does): there `Sensor_1` and `SENSOR_1` are one
 * file. Who comes first has the plain name; the other one gets a name of its own, by its hash. Where case counts, as on
 * most file systems, this costs nothing.
 */
export class FileNames {
  readonly #hourly: string | undefined;
  /** The last hour that was asked for, and its file. */
  #hour = -1;
  #hourFile: RawFileName | undefined;
  /** The keys that are taken, by what the file system makes of them; undefined where it makes nothing of them. */
  #taken: Map<string, string> | undefined;

  /** Paths below the data folder that are left alone. */
  readonly #avoided = new Set<string>();

  /** @param hourly the collector whose files are those of hours; undefined: they are those of sensors and topics. */
  constructor(hourly?: string) {
    this.#hourly = hourly;
  }

  /** Looks whether the file system of a folder ignores case. */
  async probe(folder: string): Promise<void> {
    const probe = join(folder, '.case-probe');
    await writeFile(probe, '');
    const ignored = await access(join(folder, '.CASE-PROBE')).then(
      () => true,
      () => false,
    );
    await unlink(probe);
    this.#taken = ignored ? new Map() : undefined;
  }

  /** Forgets the files that it knew. */
  forget(): void {
    this.#taken?.clear();
  }

  /** Takes in files that are there. */
  learn(entries: readonly FolderEntry[]): void {
    if (this.#taken === undefined) return;
    for (const { name } of entries) this.#taken.set(name.key.toLowerCase(), name.key);
  }

  /** The file that a reading goes to. */
  ofReading(sensorId: string, time: Micros): RawFileName {
    const collector = this.#hourly;
    if (collector === undefined) return this.#resolve(RawFileName.ofReading(sensorId, time), sensorId);
    const hour = Math.floor(time / HOUR);
    if (hour !== this.#hour || this.#hourFile === undefined)
      this.#hourFile = this.#resolve(RawFileName.ofHour(collector, time), collector);
    this.#hour = hour;
    return this.#hourFile;
  }

  /** The file that a message goes to which is recorded as it came. */
  ofMessage(topic: string, arrival: Micros): RawFileName {
    const collector = this.#hourly;
    return collector === undefined
      ? this.#resolve(RawFileName.ofMessage(topic, arrival), topic)
      : this.#resolve(RawFileName.ofHourMessages(collector, arrival), collector);
  }

  /** The name that lines go to. @param text the sensor id, topic or collector of `name`. */
  #resolve(name: RawFileName, text: string): RawFileName {
    if (this.#avoided.size > 0 && (this.#avoided.has(name.path) || this.#avoided.has(name.lateMarks)))
      return name.apart(text);
    if (this.#taken === undefined) return name;
    const folded = name.key.toLowerCase();
    const taken = this.#taken.get(folded) ?? name.key;
    this.#taken.set(folded, taken);
    return taken === name.key ? name : name.apart(text);
  }

  /** The file of messages that are rejected at a time, below the data folder. */
  rejectedFile(arrival: Micros): string {
    const path = rejectedFile(arrival);
    return this.#avoided.has(path) ? rejectedFileBeside(path) : path;
  }

  /** Leaves a file alone from here on. @param path below the data folder. */
  avoid(path: string): void {
    this.#avoided.add(path);
    this.#hourFile = undefined;
  }
}
