import { access, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Micros } from '../../base/time.ts';
import { AROUND_BYTES, HASH_BYTES, RawFileName } from './raw-file-name.ts';
import type { FolderEntry } from './raw-folder.ts';
import { rejectedFile, rejectedFileBeside } from './rejected-file.ts';

const HOUR: Micros = 3_600e6;
/** What file systems allow; few allow less (eCryptfs: 143). */
const USUAL_BYTES = 255;
/** For the hash of a sensor id and some of its beginning. */
const LEAST_BYTES = AROUND_BYTES + HASH_BYTES + 2;

/**
 * Which names files have. A file that cannot be written, while others can, is left alone: its lines go to one beside it, so
 * that it costs nobody anything but a look.
 *
 * The names of raw files in a folder whose file system may ignore case (macOS's does): there `Sensor_1` and `SENSOR_1` are one
 * file. Who comes first has the plain name; the other one gets a name of its own, by its hash. So does what is too long for
 * the file system. Where case counts and names have the usual 255 bytes, this costs nothing. In which of Unicode's normal
 * forms names are does not matter: those of raw files are ASCII.
 */
export class FileNames {
  readonly #hourly: string | undefined;
  /** The last hour that was asked for, and its file. */
  #hour = -1;
  #hourFile: RawFileName | undefined;
  /** The keys that are taken, by what the file system makes of them; undefined where it makes nothing of them. */
  #taken: Map<string, string> | undefined;
  /** Bytes that the part of a name may have which stands for a sensor id, topic or collector. */
  #most = Number.POSITIVE_INFINITY;

  /** Paths below the data folder that are left alone. */
  readonly #avoided = new Set<string>();

  /** @param hourly the collector whose files are those of hours; undefined: they are those of sensors and topics. */
  constructor(hourly?: string) {
    this.#hourly = hourly;
  }

  /**
   * Looks whether the file system of a folder ignores case, and how long its names may be.
   * @throws where that is not long enough for raw files, or nothing can be written.
   */
  async probe(folder: string): Promise<void> {
    const probe = join(folder, '.case-probe');
    await writeFile(probe, '');
    const longest = await longestName(folder);
    if (longest < LEAST_BYTES)
      throw new Error(
        `The file system of ${folder} allows names of ${longest} bytes; raw files need ${LEAST_BYTES}. Set DATA_DIR to a folder on another one.`,
      );
    this.#most = longest < USUAL_BYTES ? longest - AROUND_BYTES : Number.POSITIVE_INFINITY;
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

  /** The name that lines go to. @param text the sensor id, topic or collector of `given`. */
  #resolve(given: RawFileName, text: string): RawFileName {
    const fitting = given.isLongerThan(this.#most) ? given.apart(text, this.#most) : given;
    let name = this.#isTaken(fitting) ? fitting.apart(text, this.#most) : fitting;
    while (this.#isAvoided(name)) {
      const other = name.apart(text, this.#most);
      if (other.key === name.key) break;
      name = other;
    }
    return name;
  }

  /** Whether the file system takes a name for that of another file. If not, it is taken now. */
  #isTaken({ key }: RawFileName): boolean {
    if (this.#taken === undefined) return false;
    const folded = key.toLowerCase();
    const taken = this.#taken.get(folded) ?? key;
    this.#taken.set(folded, taken);
    return taken !== key;
  }

  /** The file of messages that are rejected at a time, below the data folder. */
  rejectedFile(arrival: Micros): string {
    const path = rejectedFile(arrival);
    return this.#avoided.has(path) ? rejectedFileBeside(path) : path;
  }

  #isAvoided({ path, lateMarks }: RawFileName): boolean {
    return this.#avoided.size > 0 && (this.#avoided.has(path) || this.#avoided.has(lateMarks));
  }

  /** Leaves a file alone from here on. @param path below the data folder. */
  avoid(path: string): void {
    this.#avoided.add(path);
    this.#hourFile = undefined;
  }
}

/** How many bytes a name in a folder may have, up to the usual. @throws errors of the disk. */
async function longestName(folder: string): Promise<number> {
  let [fits, most] = [0, USUAL_BYTES];
  while (fits < most) {
    // First the usual.
    const tried = most === USUAL_BYTES ? most : Math.ceil((fits + most) / 2);
    if (await isAllowed(join(folder, '.'.padEnd(tried, 'x')))) fits = tried;
    else most = tried - 1;
  }
  return fits;
}

async function isAllowed(path: string): Promise<boolean> {
  try {
    await writeFile(path, '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENAMETOOLONG') return false;
    throw error;
  }
  await unlink(path);
  return true;
}
