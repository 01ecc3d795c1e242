import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { type Micros, utcDate, utcHour } from '../../base/time.ts';

/*
 * What the names of raw files say, and of what stands beside them. No other module cuts these names apart or puts them
 * together. A raw file has two forms, plain (`.jsonl`) and compressed (`.jsonl.gz`); marks for late lines stand beside both.
 */

/** The folder of the raw files, below the data folder. */
const RAW = 'raw';
const PLAIN = '.jsonl';
const COMPRESSED = '.jsonl.gz';
const LATE_MARKS = '.late';
/** A file that is being made. What a crash leaves of it is removed at the next start. */
const TEMPORARY = '.tmp';
/** A compressed file whose text is needed for a while, beside the compressed form, which stays. */
const UNCOMPRESSED_COPY = '.unpacked';
/** A compressed file that cannot be read. */
const DAMAGED = '.damaged';

/** `2025-11-12_Sensor_1`, `2025-11-12_@topic`; where files are by hour, `2025-11-12T10_@@collector`, `2025-11-12T10_@@@collector`. */
const NAME = /^(\d{4}-\d\d-\d\d(?:_@?|T(?:[01]\d|2[0-3])_@@@?))([A-Za-z0-9._%~-]+)$/;
/** Length of `2025-11-12_` and of `2025-11-12T10_`. */
const DATE_LENGTH = 11;
const HOUR_LENGTH = 14;

/** The longest encoded sensor id or topic. File systems allow 255 bytes a name, most of them. */
const MOST_SAFE_BYTES = 200;
/** What a name has around it at most: `2025-11-12T10_@@@`, and `.jsonl.unpacked.tmp`. */
export const AROUND_BYTES = 36;
/** An encoded sensor id or topic by its beginning and its SHA-256, which no other encoding can contain. */
const HASHED = /^(.*)(~[0-9a-f]{64})$/;
/** A `~`, and the SHA-256. */
export const HASH_BYTES = 65;

/**
 * A sensor id, or a topic, as part of a file name. A space becomes `_`; letters, digits, `.` and `-` stay; every other byte of its
 * UTF-8 is percent-encoded, `_` among them, so that "Sensor 1" and "Sensor_1" stay apart. What would be too long for a
 * file system keeps its beginning and ends in `~` and its SHA-256, which no other encoding can contain.
 */
export function safeName(text: string): string {
  const safe = encodeURIComponent(text).replace(/%20|[_!~*'()]/g, char =>
    char === '%20' ? '_' : `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return safe.length <= MOST_SAFE_BYTES
    ? safe
    : hashedName(text, safe.slice(0, MOST_SAFE_BYTES - HASH_BYTES));
}

/** The name of a text whose plain encoding cannot be used. @param beginning of that, as much as there is room for. */
function hashedName(text: string, beginning: string): string {
  return `${beginning}${hashOf(text)}`;
}

function hashOf(text: string): string {
  return `~${createHash('sha256').update(text).digest('hex')}`;
}

// Sensors are few and send often. Unbounded ids must not fill the memory.
const safeNames = new LRUCache<string, string>({ max: 20_000, memoMethod: safeName });

/** The two forms of a raw file. */
export type Form = 'plain' | 'compressed';

const HOUR_SECONDS = 3600;
const DAY_SECONDS = 86_400;

/**
 * The name of a raw file: of which day or hour it is, and whose lines it holds. There are four kinds:
 *
 *   2025-11-12_Sensor_1.jsonl           the readings of a sensor that are of a UTC day
 *   2025-11-12_@topic.jsonl             the messages of a topic that arrived on a UTC day, as they came
 *   2025-11-12T10_@@collector.jsonl     the readings of all sensors that are of a UTC hour (RAW_PARTITION=hour)
 *   2025-11-12T10_@@@collector.jsonl    the messages of all topics that arrived in a UTC hour, as they came
 */
export class RawFileName {
  /** The name in the ledger and in the log, whatever form the file has: `2025-11-12_Sensor_1.jsonl`. */
  readonly key: string;

  private constructor(key: string) {
    this.key = key;
  }

  static #of(period: string, partition: string): RawFileName {
    return new RawFileName(`${period}_${partition}${PLAIN}`);
  }

  /** The file of a reading. */
  static ofReading(sensorId: string, time: Micros): RawFileName {
    return RawFileName.#of(utcDate(time), safeNames.memo(sensorId));
  }

  /** The file of a message that is recorded as it came. */
  static ofMessage(topic: string, arrival: Micros): RawFileName {
    return RawFileName.#of(utcDate(arrival), `@${safeName(topic)}`);
  }

  /** The file of all readings of an hour that a collector records. @param collector its name in the ledger. */
  static ofHour(collector: string, time: Micros): RawFileName {
    return RawFileName.#of(utcHour(time), `@@${safeNames.memo(collector)}`);
  }

  /** The file of all messages of an hour that a collector records as they come. */
  static ofHourMessages(collector: string, arrival: Micros): RawFileName {
    return RawFileName.#of(utcHour(arrival), `@@@${safeNames.memo(collector)}`);
  }

  /**
   * Takes the name of a file in the raw folder apart.
   * @returns undefined for what is not a raw file, such as a note that somebody left there.
   */
  static parse(name: string): { name: RawFileName; form: Form } | undefined {
    const form = formOf(name);
    if (form === undefined) return undefined;
    if (!NAME.test(name.slice(0, -(form === 'plain' ? PLAIN : COMPRESSED).length))) return undefined;
    return { name: new RawFileName(plainPath(name)), form };
  }

  /** The same, for files of marks as well. */
  static parseEntry(name: string): { name: RawFileName; form: Form | 'marks' } | undefined {
    if (!name.endsWith(LATE_MARKS)) return RawFileName.parse(name);
    const parsed = RawFileName.parse(`${name.slice(0, -LATE_MARKS.length)}${PLAIN}`);
    return parsed && { name: parsed.name, form: 'marks' };
  }

  /** The raw file of a key of the ledger; undefined where the key is the path of a file from elsewhere. */
  static ofKey(key: string): RawFileName | undefined {
    const parsed = RawFileName.parse(key);
    return parsed?.form === 'plain' ? parsed.name : undefined;
  }

  /** The UTC date: `2025-11-12`. */
  get date(): string {
    return this.key.slice(0, 10);
  }

  /** The second (since 1970) at which its day begins. */
  get day(): number {
    return Date.parse(`${this.date}T00:00:00Z`) / 1000;
  }

  /** The second (since 1970) at which its day or hour begins. */
  get begin(): number {
    return this.isOfHour ? this.day + Number(this.key.slice(11, 13)) * 3600 : this.day;
  }

  /** The second (since 1970) at which its day or hour is over. */
  get end(): number {
    return this.begin + (this.isOfHour ? HOUR_SECONDS : DAY_SECONDS);
  }

  /** Whose lines it holds, as the file name spells it: `Sensor_1`, `@shellies%2F1%2Fsensor`, `@@sluice-1a2b3c4d`. */
  get partition(): string {
    return this.key.slice(this.#partitionAt, -PLAIN.length);
  }

  /** Whether it is of an hour, and of many sensors. */
  get isOfHour(): boolean {
    return this.key[10] === 'T';
  }

  /** Whether it holds messages as they came, rather than readings. */
  get holdsEnvelopes(): boolean {
    return this.isOfHour ? this.key.startsWith('@@@', HOUR_LENGTH) : this.key[DATE_LENGTH] === '@';
  }

  /** Whether all of its readings are of one sensor. */
  get isOfSensor(): boolean {
    return !this.isOfHour && !this.holdsEnvelopes;
  }

  /** Whether it may hold readings of this sensor. */
  mayHold(sensorId: string): boolean {
    if (!this.isOfSensor) return true;
    const safe = safeNames.memo(sensorId);
    const { partition } = this;
    if (partition === safe) return true;
    const [, beginning, hash] = HASHED.exec(partition) ?? [];
    return beginning !== undefined && safe.startsWith(beginning) && hash === hashOf(sensorId);
  }

  /** Whose lines it holds: the hash, where it is named by that. */
  get owner(): string {
    return HASHED.exec(this.partition)?.[2] ?? this.partition;
  }

  /** The owners of the files that a sensor may have. */
  static ownersOf(sensorId: string): string[] {
    const name = RawFileName.ofReading(sensorId, 0);
    return [name.owner, name.apart(sensorId).owner];
  }

  /** The file of the day or hour before, of the same sensor, topic or collector. */
  get before(): RawFileName {
    const time = (this.begin - 1) * 1e6;
    return RawFileName.#of(this.isOfHour ? utcHour(time) : utcDate(time), this.partition);
  }

  /**
   * The same file under another name, by its hash: none differs from it by case alone.
   * @param text the sensor id, topic or collector. @param most bytes of the part that stands for it.
   */
  apart(text: string, most = Number.POSITIVE_INFINITY): RawFileName {
    const at = this.#partitionAt;
    const [signs, own] = /^(@*)(.*)$/.exec(this.partition)!.slice(1) as [string, string];
    const [, beginning] = HASHED.exec(own) ?? [];
    // One that has a hash already is known by a shorter beginning.
    const longest = beginning === undefined ? MOST_SAFE_BYTES : beginning.length - 1;
    const room = Math.min(most - HASH_BYTES, MOST_SAFE_BYTES - HASH_BYTES, longest);
    const safe = beginning ?? own;
    return RawFileName.#of(
      this.key.slice(0, at - 1),
      `${signs}${hashedName(text, safe.slice(0, Math.max(0, room)))}`,
    );
  }

  /** Whether it is too long for a file system. @param most bytes of the part that stands for the sensor id, topic or collector. */
  isLongerThan(most: number): boolean {
    return this.partition.length > most && this.partition.replace(/^@+/, '').length > most;
  }

  /** The plain form below the data folder: `raw/2025-11-12_Sensor_1.jsonl`. */
  get path(): string {
    return `${RAW}/${this.key}`;
  }

  /** The marks for late lines below the data folder. */
  get lateMarks(): string {
    return lateMarksPath(this.path);
  }

  get #partitionAt(): number {
    return this.isOfHour ? HOUR_LENGTH : DATE_LENGTH;
  }
}

/** The raw folder of a data folder. */
export function rawFolder(dataDir: string): string {
  return join(dataDir, RAW);
}

/** Whether a path below the data folder is that of a raw file (or its marks). @returns its name there; undefined otherwise. */
export function keyOfPath(path: string): string | undefined {
  return path.startsWith(`${RAW}/`) && path.endsWith(PLAIN) ? path.slice(RAW.length + 1) : undefined;
}

/** In which form a file holds lines, by its name; undefined where it is not a file of lines. */
export function formOf(path: string): Form | undefined {
  if (path.endsWith(PLAIN)) return 'plain';
  return path.endsWith(COMPRESSED) ? 'compressed' : undefined;
}

/** What a file of lines may be called, for messages. */
export const FORMS = `${PLAIN} or ${COMPRESSED}`;

/** Path of the plain form, of either. */
export function plainPath(path: string): string {
  return path.endsWith(COMPRESSED) ? path.slice(0, PLAIN.length - COMPRESSED.length) : path;
}

/** Path of the compressed form of a further part of a file, of either form: `X.2.jsonl.gz`. */
export function partPath(path: string, part: number): string {
  return part === 1
    ? compressedPath(path)
    : `${plainPath(path).slice(0, -PLAIN.length)}.${part}${COMPRESSED}`;
}

/** Of which file `X.2.jsonl` is a part, and which; a sensor may have such a name as well. */
export function wholeOf(name: string): { file: string; part: number } | undefined {
  const [, file, part] = /^(.+)\.([1-9]\d{0,5})$/.exec(plainPath(name).slice(0, -PLAIN.length)) ?? [];
  return file === undefined ? undefined : { file: `${file}${PLAIN}`, part: Number(part) };
}

/** Path of the compressed form, of either. */
export function compressedPath(path: string): string {
  return `${plainPath(path)}${COMPRESSED.slice(PLAIN.length)}`;
}

/** Where a raw file of a collector at work may be by now: between two looks it may be compressed, or made plain. */
export function otherForm(path: string): string {
  return formOf(path) === 'compressed' ? plainPath(path) : compressedPath(path);
}

/** Path of the marks for late lines, of either form. They go when the raw file goes. */
export function lateMarksPath(path: string): string {
  return `${plainPath(path).slice(0, -PLAIN.length)}${LATE_MARKS}`;
}

/** The path, below the data folder, of a file in the raw folder that holds marks; undefined for other files. */
export function lateMarksIn(name: string): string | undefined {
  return name.endsWith(LATE_MARKS) ? `${RAW}/${name}` : undefined;
}

/** Where a file is made before it takes its name. */
export function temporaryPath(path: string): string {
  return `${path}${TEMPORARY}`;
}

/** Where the text of a compressed file stands while it is needed. */
export function uncompressedCopyPath(path: string): string {
  return temporaryPath(`${plainPath(path)}${UNCOMPRESSED_COPY}`);
}

/** Where a compressed file is kept that cannot be read. */
export function damagedPath(path: string): string {
  return `${path}${DAMAGED}`;
}

/** Whether a name in the raw folder is one of a raw file that was being made. */
export function isTemporary(name: string): boolean {
  if (!name.endsWith(TEMPORARY)) return false;
  const made = name.slice(0, -TEMPORARY.length);
  const file = made.endsWith(UNCOMPRESSED_COPY) ? made.slice(0, -UNCOMPRESSED_COPY.length) : made;
  return RawFileName.parse(basename(file)) !== undefined;
}
