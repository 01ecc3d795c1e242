import { realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { UsageError } from '../../base/errors.ts';
import type { Micros } from '../../base/time.ts';
import { DataFolder } from '../../collector/bronze/data-folder.ts';
import { readCollectorName } from '../../collector/bronze/folder-identity.ts';
import { rawLine } from '../../collector/bronze/line.ts';
import { splitLines } from '../../collector/bronze/line-reader.ts';
import { streamLines } from '../../collector/bronze/line-stream.ts';
import { RawFileName, rawFolder } from '../../collector/bronze/raw-file-name.ts';
import { Recorder } from '../../collector/bronze/recorder.ts';
import { listRejectedFiles, rejectedFolder } from '../../collector/bronze/rejected-file.ts';
import { envelopeHead } from '../../collector/payload/envelope.ts';
import type { TopicEntry, Topics } from '../../collector/payload/topics.ts';

/** What became of rejected messages of an entry of the topics file. */
export interface DecidedEntry {
  entry: string;
  messages: number;
  /** Recorded now. */
  recorded: number;
  /** Recorded by an earlier replay. */
  known: number;
  /** Rejected still. */
  rejected: number;
}

export interface Decided {
  counts: DecidedEntry[];
  /** The raw files that hold what was recorded. */
  files: string[];
}

/** A message that was rejected. */
interface Message {
  topic: string;
  payload: Buffer;
  arrival: Micros;
}

/** Messages that are recorded at once. */
const AT_ONCE = 500;
const DESCRIPTORS = 64;
const NO_ENTRY = 'no entry';

/** Whether a place is the folder of the rejected messages, or one of its files. */
export function isRejectedPlace(place: string, dataDir: string): boolean {
  const real = (path: string) => {
    try {
      return realpathSync(path);
    } catch {
      return resolve(path);
    }
  };
  const folder = real(rejectedFolder(dataDir));
  return real(place) === folder || dirname(real(place)) === folder;
}

/**
 * Decides about rejected messages again, by the topics file as it is now: what is a message of an entry, or a reading, is
 * recorded in the raw files with its former arrival. The files of the rejected messages stay as they are; what an earlier
 * replay has recorded is recognised by its line.
 * @throws {FolderInUseError} where a collector runs: raw files have one writer.
 */
export async function decideRejected(
  config: Config,
  topics: Topics,
  places: readonly string[],
  log: Logger,
  dryRun: boolean,
): Promise<Decided> {
  const { DATA_DIR: dataDir, LATE_MINUTES: lateMinutes, RAW_PARTITION } = config;
  const isHourly = RAW_PARTITION === 'hour';
  const paths = await filesAt(places, dataDir);
  if (dryRun) {
    const collector = (await readCollectorName(dataDir)) ?? '';
    return new Decision({ topics, dataDir, collector, isHourly }).decide(paths);
  }
  const folder = await DataFolder.lock(dataDir, config.MQTT_CLIENT_ID);
  const { collector } = folder;
  try {
    const recorder = new Recorder({
      dataDir,
      topics,
      lateMinutes,
      hourly: isHourly ? collector : undefined,
      descriptors: DESCRIPTORS,
      log,
      folder,
    });
    await recorder.start(folder.crashed);
    try {
      if (folder.crashed) folder.repaired();
      return await new Decision({ topics, dataDir, collector, isHourly, recorder }).decide(paths);
    } finally {
      await recorder.stop();
    }
  } finally {
    await folder.unlock();
  }
}

async function filesAt(places: readonly string[], dataDir: string): Promise<string[]> {
  const all = (await listRejectedFiles(dataDir)).map(({ path }) => join(dataDir, path)).sort();
  const wanted = new Set(places.map(place => basename(place)));
  if (places.some(place => basename(resolve(place)) === basename(rejectedFolder(dataDir)))) return all;
  const found = all.filter(path => wanted.has(basename(path)));
  if (found.length < wanted.size)
    throw new UsageError(`There is no such file of rejected messages: ${places.join(', ')}`);
  return found;
}

interface DecisionOptions {
  topics: Topics;
  dataDir: string;
  /** Its name in the ledger. */
  collector: string;
  /** RAW_PARTITION=hour. */
  isHourly: boolean;
  /** undefined: only say what would be done. */
  recorder?: Recorder;
}

class Decision {
  readonly #options: DecisionOptions;
  readonly #counts = new Map<string, DecidedEntry>();
  readonly #files = new Set<string>();
  readonly #known = new KnownLines();
  /** How many messages of a topic and millisecond there were: each has an arrival of its own, the same in every replay. */
  readonly #arrivals = new Map<string, number>();

  constructor(options: DecisionOptions) {
    this.#options = options;
  }

  async decide(paths: readonly string[]): Promise<Decided> {
    for (const path of paths) {
      for await (const { bytes, start } of streamLines(path, 'skip')) {
        const messages = splitLines(bytes, start).flatMap(line => messageIn(line.bytes) ?? []);
        for (let at = 0; at < messages.length; at += AT_ONCE) {
          const receipts = [];
          for (const message of messages.slice(at, at + AT_ONCE))
            receipts.push(await this.#decideOne(message));
          await Promise.all(receipts.map(receipt => receipt?.durable));
        }
      }
    }
    const counts = [...this.#counts.values()].sort((a, b) => (a.entry < b.entry ? -1 : 1));
    return { counts, files: [...this.#files] };
  }

  async #decideOne({ topic, payload, arrival: receivedAt }: Message) {
    const { topics, dataDir, isHourly, recorder } = this.#options;
    const entry = topics.find(topic);
    const count = this.#countOf(entry?.name ?? NO_ENTRY);
    count.messages++;
    const place =
      entry === undefined || entry.ignore ? undefined : this.#placeOf(entry, topic, payload, receivedAt);
    if (place === undefined) {
      count.rejected++;
      return undefined;
    }
    const { names, line, arrival } = place;
    const files = names.map(({ key }) => join(rawFolder(dataDir), key));
    for (const file of files) {
      if (await this.#known.has(file, line)) {
        count.known++;
        return undefined;
      }
    }
    count.recorded++;
    this.#files.add(files[isHourly ? 1 : 0]!);
    return recorder?.record(topic, payload, 0, { session: 'replay', arrival });
  }

  /** Where a message belongs, in either layout, and how its line begins there; undefined: it is rejected still. */
  #placeOf({ hasEnvelope, decoder }: TopicEntry, topic: string, payload: Buffer, receivedAt: Micros) {
    const { collector } = this.#options;
    if (hasEnvelope) {
      const key = `${receivedAt} ${topic}`;
      const before = this.#arrivals.get(key) ?? 0;
      this.#arrivals.set(key, before + 1);
      const arrival = receivedAt + before;
      const names = [RawFileName.ofMessage(topic, arrival), RawFileName.ofHourMessages(collector, arrival)];
      return { names, line: envelopeHead(arrival, topic), arrival };
    }
    const decoded = decoder.decode(topic, payload, Date.now() * 1000);
    const reading = typeof decoded === 'string' ? undefined : decoded[0];
    if (reading === undefined) return undefined;
    const { sensorId, time } = reading;
    const names = [RawFileName.ofReading(sensorId, time), RawFileName.ofHour(collector, time)];
    return { names, line: `${rawLine(payload).toString('utf8')}\n`, arrival: receivedAt };
  }

  #countOf(entry: string): DecidedEntry {
    const count = this.#counts.get(entry) ?? { entry, messages: 0, recorded: 0, known: 0, rejected: 0 };
    this.#counts.set(entry, count);
    return count;
  }
}

/** Texts of raw files that are kept. */
const MOST_TEXTS = 4;

/** Looks lines up in raw files, of which it keeps the last few. */
class KnownLines {
  readonly #texts = new LRUCache<string, string>({ max: MOST_TEXTS });

  /** Whether a line of a file begins so; a file that is compressed or missing has none. @param line with its end where it is whole. */
  async has(path: string, line: string): Promise<boolean> {
    let text = this.#texts.get(path);
    if (text === undefined) {
      text = `\n${await readFile(path, 'utf8').catch(() => '')}`;
      this.#texts.set(path, text);
    }
    return text.includes(`\n${line}`);
  }
}

/** The message of a line; undefined: it was cut, as it is too large, or a crash has torn the line. */
function messageIn(line: Buffer): Message | undefined {
  try {
    const { received_at, topic, payload, payload_base64, payload_bytes } = JSON.parse(line.toString('utf8'));
    const arrival = Date.parse(received_at) * 1000;
    if (typeof topic !== 'string' || !Number.isFinite(arrival) || payload_bytes !== undefined)
      return undefined;
    const bytes =
      typeof payload === 'string' ? Buffer.from(payload) : Buffer.from(String(payload_base64), 'base64');
    return { topic, payload: bytes, arrival };
  } catch {
    return undefined;
  }
}
