import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { formatTime } from '../../base/time.ts';
import type { BatchLine } from '../../collector/silver/batch.ts';

const FLUSH_CHARS = 256 * 1024;

/**
 * The lines of some raw files in a temporary table of the database, `audit_line`, so that comparing them with silver is
 * SQL's work, and our memory does not grow with the files. A line that cannot be stored has its reason and no sensor.
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
         file int NOT NULL, line bigint NOT NULL, byte_offset bigint NOT NULL,
         sensor_id varchar(50), time timestamptz, value float8, reason text
       )`,
    );
  }

  /** Empties the table. */
  async clear(): Promise<void> {
    await this.#client.query('TRUNCATE audit_line');
  }

  /** Adds a line. @param file a number of the caller's. @param number counts the lines of the file from 1. */
  async add(file: number, number: number, line: BatchLine): Promise<void> {
    const { row, rejection, start } = line;
    const key = row
      ? `${copyEscaped(row.sensorId)}\t${formatTime(row.time)}\t${row.value}\t\\N`
      : `\\N\t${rejection.time === undefined ? '\\N' : formatTime(rejection.time)}\t\\N\t${copyEscaped(rejection.reason)}`;
    this.#text += `${file}\t${number}\t${start}\t${key}\n`;
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
