import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { formatTime } from '../../base/time.ts';
import { type BatchLine, rejectedOf } from '../../collector/silver/batch-line.ts';

const FLUSH_CHARS = 256 * 1024;

/**
 * The lines of some raw files in a temporary table of the database, `audit_line`, so that comparing them with silver is
 * SQL's work, and our memory does not grow with the files. Each reading of a line is a row, numbered from 1; what cannot be
 * stored has its reason and no sensor. A line that is rejected, or has no reading, is a row with the number 0.
 */
export class LineTable {
  readonly #client: ClientBase;
  #copy: ReturnType<typeof copyFrom> | undefined;
  #text = '';

  constructor(client: ClientBase) {
    this.#client = client;
  }

  static async prepare(client: ClientBase): Promise<void> {
    await client.query(
      `CREATE TEMP TABLE audit_line (
         file int NOT NULL, line bigint NOT NULL, byte_offset bigint NOT NULL, reading int NOT NULL,
         sensor_id varchar, time timestamptz, value float8, reason text
       )`,
    );
  }

  /** Empties the table. */
  async clear(): Promise<void> {
    await this.#client.query('TRUNCATE audit_line');
  }

  /** Adds a line. @param file a number of the caller's. @param number counts the lines of the file from 1. */
  async add(file: number, number: number, line: BatchLine): Promise<void> {
    const place = `${file}\t${number}\t${line.start}`;
    const { rows } = line;
    const rejected = rejectedOf(line);
    for (const { reading, sensorId, time, value } of rows) {
      this.#text += `${place}\t${reading}\t${copyEscaped(sensorId)}\t${formatTime(time)}\t${value}\t\\N\n`;
    }
    for (const { reading, time, reason } of rejected) {
      const at = time === undefined ? '\\N' : formatTime(time);
      this.#text += `${place}\t${reading}\t\\N\t${at}\t\\N\t${copyEscaped(reason)}\n`;
    }
    if (rows.length + rejected.length === 0) this.#text += `${place}\t0\t\\N\t\\N\t\\N\t\\N\n`;
    if (this.#text.length >= FLUSH_CHARS) await this.#flush();
  }

  /** Ends adding; the table can be queried after that. */
  async complete(): Promise<void> {
    await this.#flush();
    if (this.#copy !== undefined) {
      this.#copy.end();
      await finished(this.#copy);
      this.#copy = undefined;
    }
    await this.#client.query('ANALYZE audit_line');
  }

  async #flush(): Promise<void> {
    if (this.#text === '') return;
    this.#copy ??= this.#client.query(copyFrom('COPY audit_line FROM STDIN'));
    const text = this.#text;
    this.#text = '';
    if (!this.#copy.write(text)) await once(this.#copy, 'drain');
  }
}

function copyEscaped(text: string): string {
  return text.replaceAll('\\', '\\\\');
}
