import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { writeAtomically } from '../../base/atomic-file.ts';
import { type Decoder, UNKNOWN_ARRIVAL } from '../payload/decoder.ts';
import { readEnvelope } from '../payload/envelope.ts';
import { AHEAD_S } from './clock-watch.ts';
import type { Durable } from './group-writer.ts';
import { readLines, splitLines } from './line-reader.ts';
import type { RawFileName } from './raw-file-name.ts';
import { digestOf, type Last } from './topic-files.ts';

/** What files of hours say of those whose lines they hold. */
export interface HoursSummary {
  /** The newest second (since 1970) of each sensor, by id. */
  newest: Iterable<[string, number]>;
  /** What topics said last. */
  topics: Iterable<[string, Last]>;
}

/** The same, to look in. */
interface Known {
  newest: Map<string, number>;
  topics: Map<string, Last>;
}

/** A line of what is written down. */
type Noted =
  | { file: string; bytes: number }
  | { sensor: string; newest: number }
  | { topic: string; arrival: number; sha256: string };

/** Below the data folder. */
const FILE = 'newest.jsonl';
/** So long ago is what a start has to read again after a crash, at most. */
const WRITE_EVERY_MS = 60_000;
const PIECE_BYTES = 4 * 1024 * 1024;

/**
 * What the files of hours say of each sensor and topic. Their names do not tell, and they are too large to be read at each
 * start: so it is written down now and then, with how far each file was read for it. A start reads what has come since.
 * Without it, or where it is damaged, a start reads all that is not compressed.
 */
export class HourFiles {
  readonly #dataDir: string;
  readonly #decoder: Decoder;
  readonly #onError: (error: Error) => void;
  /** Up to where each file is read, or durable, by its key. */
  #sizes = new Map<string, number>();
  /** What is to be written when all that it knows of is durable. */
  #taken: string | undefined;
  #takenAt = performance.now();
  #writing: Promise<void> = Promise.resolve();

  /** @param decoder of plain messages. @param onError told why it cannot be written. */
  constructor(dataDir: string, decoder: Decoder, onError: (error: Error) => void) {
    this.#dataDir = dataDir;
    this.#decoder = decoder;
    this.#onError = onError;
  }

  /**
   * Reads what is written down, and of these files what it lacks.
   * @param plain those that are not compressed. @param keys of all files of hours.
   * @param clock s since 1970: what is ahead of it is not noted.
   * @throws errors of the disk.
   */
  async learn(
    plain: readonly RawFileName[],
    keys: ReadonlySet<string>,
    clock = Number.POSITIVE_INFINITY,
  ): Promise<Known> {
    await this.#writing;
    this.#taken = undefined;
    const { said, sizes } = await this.#read();
    this.#sizes = new Map([...sizes].filter(([key]) => keys.has(key)));
    for (const name of plain) await this.#readOn(name, said, clock + AHEAD_S);
    return said;
  }

  /** Notes what is durable now. @param say everything that has come, durable or not, as soon as it is to be written down. */
  durable(files: readonly Durable[], say: () => HoursSummary): void {
    for (const { file, size } of files) this.#sizes.set(file, size);
    // What it knows of beyond these sizes was in the group that was open then, which is this one.
    if (this.#taken !== undefined) this.#write(this.#taken);
    this.#taken = undefined;
    if (performance.now() - this.#takenAt < WRITE_EVERY_MS) return;
    this.#takenAt = performance.now();
    this.#taken = this.#textOf(say());
  }

  /** A group was turned away: what was taken may say something of it. */
  turnedAway(): void {
    this.#taken = undefined;
  }

  /** A file is gone: the one that takes its name is read from its beginning. */
  remove(key: string): void {
    this.#sizes.delete(key);
    this.#taken = undefined;
  }

  /** Writes it down once more. All that has come is durable. */
  async stop(said: HoursSummary): Promise<void> {
    if (this.#sizes.size > 0) this.#write(this.#textOf(said));
    await this.#writing;
  }

  #write(text: string): void {
    this.#writing = this.#writing
      .then(() => writeAtomically(join(this.#dataDir, FILE), text))
      .catch(this.#onError);
  }

  #textOf({ newest, topics }: HoursSummary): string {
    const lines: string[] = [];
    for (const [file, bytes] of this.#sizes)
      lines.push(`{"file":${JSON.stringify(file)},"bytes":${bytes}}\n`);
    for (const [id, second] of newest) lines.push(`{"sensor":${JSON.stringify(id)},"newest":${second}}\n`);
    for (const [topic, { digest, arrival }] of topics)
      lines.push(`{"topic":${JSON.stringify(topic)},"arrival":${arrival},"sha256":"${digest}"}\n`);
    return lines.join('');
  }

  async #read(): Promise<{ said: Known; sizes: Map<string, number> }> {
    const said: Known = { newest: new Map(), topics: new Map() };
    const sizes = new Map<string, number>();
    try {
      const text = await readFile(join(this.#dataDir, FILE), 'utf8');
      for (const line of text.split('\n').slice(0, -1)) {
        const noted = notedIn(line);
        if ('file' in noted) sizes.set(noted.file, noted.bytes);
        else if ('sensor' in noted) said.newest.set(noted.sensor, noted.newest);
        else said.topics.set(noted.topic, { digest: noted.sha256, arrival: noted.arrival });
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && !(error instanceof SyntaxError)) throw error;
      // Damaged: as if it were not there.
      return { said: { newest: new Map(), topics: new Map() }, sizes: new Map() };
    }
    return { said, sizes };
  }

  async #readOn(name: RawFileName, said: Known, most: number): Promise<void> {
    const path = join(this.#dataDir, name.path);
    const { size } = await stat(path);
    const known = this.#sizes.get(name.key) ?? 0;
    // Shorter than it was: somebody has put another file in its place.
    let from = known > size ? 0 : known;
    while (from < size) {
      const lines = readLines(path, from, size, PIECE_BYTES);
      if (lines.length === 0) break;
      if (name.holdsEnvelopes) noteMessages(lines, said);
      else noteReadings(lines, this.#decoder, said, most);
      from += lines.length;
      await nextTurn();
    }
    this.#sizes.set(name.key, from);
  }
}

/** @throws {SyntaxError} where it is another line. */
function notedIn(line: string): Noted {
  const noted = JSON.parse(line) as Noted | null;
  if (typeof noted === 'object' && noted !== null) {
    if ('file' in noted && Number.isSafeInteger(noted.bytes)) return noted;
    if ('sensor' in noted && Number.isSafeInteger(noted.newest)) return noted;
    if ('topic' in noted && Number.isSafeInteger(noted.arrival)) return noted;
  }
  throw new SyntaxError(`not a line of ${FILE}: ${line.slice(0, 100)}`);
}

/** @param most the second after which readings are not noted. */
function noteReadings(lines: Buffer, decoder: Decoder, { newest }: Known, most: number): void {
  const note = (id: string, second: number) => {
    if (second > most) return;
    const known = newest.get(id);
    // A copy: a part of a text would keep the whole of it in memory.
    if (known === undefined) newest.set(Buffer.from(id).toString(), second);
    else if (second > known) newest.set(id, second);
  };
  const form = decoder.common;
  const text = lines.toString('latin1');
  for (let at = 0, end: number; at < text.length; at = end) {
    end = text.indexOf('\n', at) + 1;
    const match = form?.line(text, at);
    if (match !== null && match !== undefined) note(match[1]!, form!.second(match[2]!));
    else {
      const readings = decoder.decode('', lines.subarray(at, end - 1), UNKNOWN_ARRIVAL);
      if (typeof readings === 'string') continue;
      for (const { sensorId, time } of readings) note(sensorId, Math.floor(time / 1e6));
    }
  }
}

function noteMessages(lines: Buffer, { topics }: Known): void {
  for (const { bytes } of splitLines(lines, 0)) {
    const envelope = readEnvelope(bytes);
    if (typeof envelope === 'string') continue;
    const { topic, payload, arrival } = envelope;
    if (arrival >= (topics.get(topic)?.arrival ?? 0))
      topics.set(topic, { digest: digestOf(payload), arrival });
  }
}
