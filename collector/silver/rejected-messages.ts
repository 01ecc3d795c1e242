import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientBase } from 'pg';
import { errorText } from '../../base/errors.ts';
import { readLines, splitLines } from '../bronze/line-reader.ts';
import { listRejectedFiles, type RejectedFile } from '../bronze/rejected-file.ts';
import type { LoaderLog } from './protocol.ts';

/** So much of a file is counted in one transaction. */
const STEP_BYTES = 4 * 1024 * 1024;
/** Unbounded topics must fill neither the memory nor the table. */
const MOST_KEYS_A_DAY = 10_000;
const OTHER_TOPICS = '(other topics)';
/** So much of a message is shown. */
const EXAMPLE_CHARACTERS = 500;

/** What was rejected on a topic for a reason. */
interface Rejects {
  topic: string;
  reason: string;
  count: number;
  lastAt: string;
  example: string;
}

/**
 * Counts the rejected messages in silver.rejected_message: follows their files as raw files are followed, by an offset that
 * moves in the transaction of what it stands for.
 */
export class RejectedMessages {
  readonly #dataDir: string;
  readonly #collector: string;
  readonly #log: LoaderLog;
  #keys = new Set<string>();
  #keysOf = '';
  #trouble: string | undefined;

  constructor(dataDir: string, collector: string, log: LoaderLog) {
    this.#dataDir = dataDir;
    this.#collector = collector;
    this.#log = log;
  }

  /** Counts what has been rejected since. @throws errors of the database. */
  async count(client: ClientBase): Promise<void> {
    const files = await this.#reading(() => listRejectedFiles(this.#dataDir));
    if (files === undefined || files.length === 0) return;
    const { rows } = await client.query<{ day: string; bytes: string }>(
      'SELECT day::text, bytes FROM bronze.rejected_file WHERE collector = $1',
      [this.#collector],
    );
    const counted = new Map(rows.map(({ day, bytes }) => [day, Number(bytes)]));
    for (const file of files) {
      for (let from = counted.get(file.date) ?? 0; ; ) {
        const bytes = await this.#reading(() => this.#linesOf(file, from));
        if (bytes === undefined || bytes.length === 0) break;
        const sums = this.#sum(file.date, bytes);
        const to = from + bytes.length;
        await this.#store(client, file.date, from, to, sums).catch(error => {
          // The encoding of the database lacks a character; ASCII is in all of them.
          if (!String((error as { code?: unknown }).code).startsWith('22')) throw error;
          return this.#store(client, file.date, from, to, sums.map(inAscii));
        });
        from += bytes.length;
      }
    }
  }

  #linesOf({ path }: RejectedFile, from: number): Buffer {
    const whole = join(this.#dataDir, path);
    const { size } = statSync(whole);
    return size <= from ? Buffer.alloc(0) : readLines(whole, from, size, STEP_BYTES);
  }

  /** What cannot be read holds up nothing: it is tried again, and said once. */
  async #reading<T>(read: () => T | Promise<T>): Promise<T | undefined> {
    try {
      const result = await read();
      this.#trouble = undefined;
      return result;
    } catch (error) {
      const reason = errorText(error);
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && reason !== this.#trouble) {
        this.#log.error({ reason }, 'the rejected messages cannot be counted; they are tried again');
        this.#trouble = reason;
      }
      return undefined;
    }
  }

  #sum(day: string, bytes: Buffer): Rejects[] {
    if (day !== this.#keysOf) {
      this.#keysOf = day;
      this.#keys = new Set();
    }
    const sums = new Map<string, Rejects>();
    for (const rejected of rejectsIn(bytes)) {
      let key = JSON.stringify([rejected.topic, rejected.reason]);
      if (!this.#keys.has(key) && this.#keys.size >= MOST_KEYS_A_DAY) {
        rejected.topic = OTHER_TOPICS;
        key = JSON.stringify([OTHER_TOPICS, rejected.reason]);
      } else this.#keys.add(key);
      sums.set(key, { ...rejected, count: (sums.get(key)?.count ?? 0) + 1 });
    }
    return [...sums.values()];
  }

  async #store(client: ClientBase, day: string, from: number, to: number, sums: Rejects[]): Promise<void> {
    const column = <K extends keyof Rejects>(name: K) => sums.map(sum => sum[name]);
    await client.query('BEGIN');
    try {
      const { rowCount } = await client.query(
        `INSERT INTO bronze.rejected_file AS f (collector, day, bytes) VALUES ($1, $2, $4)
         ON CONFLICT (collector, day) DO UPDATE SET bytes = excluded.bytes WHERE f.bytes = $3`,
        [this.#collector, day, from, to],
      );
      // Somebody else has counted them.
      if (rowCount === 1) {
        await client.query(
          `INSERT INTO silver.rejected_message AS m (day, collector, topic, reason, count, last_at, last_example)
           SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::text[])
           ON CONFLICT (day, topic, reason, collector) DO UPDATE
           SET count = m.count + excluded.count, last_at = excluded.last_at, last_example = excluded.last_example`,
          [
            day,
            this.#collector,
            column('topic'),
            column('reason'),
            column('count'),
            column('lastAt'),
            column('example'),
          ],
        );
      }
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }
}

/** The messages of whole lines of a file of rejected messages. */
export function* rejectsIn(lines: Buffer): Generator<Omit<Rejects, 'count'>> {
  for (const { bytes } of splitLines(lines, 0)) {
    const rejected = read(bytes);
    if (rejected !== undefined) yield rejected;
  }
}

/** A line of a file of rejected messages; undefined: a crash has torn it. */
function read(line: Buffer): Omit<Rejects, 'count'> | undefined {
  try {
    const { received_at, topic, reason, payload, payload_base64 } = JSON.parse(line.toString('utf8'));
    if (typeof received_at !== 'string' || typeof topic !== 'string' || typeof reason !== 'string')
      return undefined;
    const example = String(payload ?? payload_base64 ?? '').slice(0, EXAMPLE_CHARACTERS);
    return { topic: storable(topic), reason, lastAt: received_at, example: storable(example) };
  } catch {
    return undefined;
  }
}

/** PostgreSQL's text cannot hold NUL, nor half of a surrogate pair. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

function inAscii(rejects: Rejects): Rejects {
  const plain = (text: string) => text.replace(/[^\x20-\x7e]/g, '?');
  return {
    ...rejects,
    topic: plain(rejects.topic),
    reason: plain(rejects.reason),
    example: plain(rejects.example),
  };
}
