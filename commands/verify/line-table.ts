import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { formatTime } from '../../base/time.ts';
import { type BatchLine, rejectedOf } from '../../collector/silver/batch-line.ts';

const FLUSH_CHARS = 256 * 1024;
const NULL = '\\N';

/** SQL: whether a row of `audit_line` is a reading that can be stored. */
export const IS_READING = 'reading > 0 AND reason IS NULL';

/**
 * The lines of some raw files in a temporary table of the database, `audit_line`, so that comparing them with silver is
 * SQL's work, and our memory does not grow with the files. Each reading of a line is a row, numbered from 1; what cannot be
 * stored has its reason, the SHA-256 of its text and, where that is known, whose it is, but no sensor. A line that is rejected, or
 * has no reading, is a row with the number 0.
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
         sensor_id text, time timestamptz, value float8, quality text, late boolean, inexact boolean,
         reason text, text_sha256 text, said_sensor_id text
       )`,
    );
  }

  /** Empties the table. */
  async clear(): Promise<void> {
    await this.#client.query('TRUNCATE audit_line; DROP INDEX IF EXISTS pg_temp.audit_line_key');
  }

  /** Adds a line. @param file a number of the caller's. @param number counts the lines of the file from 1. */
  async add(file: number, number: number, line: BatchLine): Promise<void> {
    for (const cells of rowsOf(line)) {
      this.#text += `${file}\t${number}\t${line.start}\t${cells.join('\t')}\n`;
    }
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
    // Whatever the planner believes of silver: without it PostgreSQL 15, which knows no right anti join, may read all lines for
    // each row. IF NOT EXISTS: a preview completes the same lines twice.
    await this.#client.query(
      'CREATE INDEX IF NOT EXISTS audit_line_key ON audit_line (sensor_id, time); ANALYZE audit_line',
    );
  }

  async #flush(): Promise<void> {
    if (this.#text === '') return;
    this.#copy ??= this.#client.query(copyFrom('COPY audit_line FROM STDIN'));
    const text = this.#text;
    this.#text = '';
    if (!this.#copy.write(text)) await once(this.#copy, 'drain');
  }
}

/** The rows of a line, in the order of the columns from `reading` on. */
function rowsOf(line: BatchLine): (string | number | boolean)[][] {
  const readings = line.rows.map(({ reading, sensorId, time, value, quality, late, inexact }) => [
    ...[reading, copyEscaped(sensorId), formatTime(time), value, quality, late, inexact],
    ...[NULL, NULL, NULL],
  ]);
  const rejected = rejectedOf(line).map(({ reading, reason, text, sensorId, time }) => {
    const hash = createHash('sha256').update(text).digest('hex');
    const when = time === undefined ? NULL : formatTime(time);
    const whose = sensorId === undefined ? NULL : copyEscaped(sensorId);
    return [reading, NULL, when, NULL, NULL, NULL, NULL, copyEscaped(reason), hash, whose];
  });
  const rows = [...readings, ...rejected];
  return rows.length > 0 ? rows : [[0, ...Array<string>(9).fill(NULL)]];
}

function copyEscaped(text: string): string {
  return text.replaceAll('\\', '\\\\');
}
