import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { ClientBase } from 'pg';
import { UsageError } from '../../base/errors.ts';
import { formatTime } from '../../base/time.ts';
import { splitLines } from '../../collector/bronze/line-reader.ts';
import { RawFileName, rawFolder } from '../../collector/bronze/raw-file-name.ts';
import { keyOfEntry, readLedger } from '../../collector/silver/ledger.ts';
import { holdsEnvelopes, LineDecoder, type LineDecoderOptions } from '../../collector/silver/line-decoder.ts';
import { PastDecoders } from '../../collector/silver/past-decoders.ts';
import type { Row } from '../../collector/silver/reading-columns.ts';
import { findSubjects, type Subject } from '../verify/subjects.ts';
import { linesOf } from './file-replay.ts';

/** A data folder, and its name in the ledger. */
export interface Folder {
  dataDir: string;
  collector: string;
}

/** A plain file for whose sake readings stay, and how many of its readings silver has: it has brought them now. */
export interface Heir {
  collector: string;
  path: string;
  stored: number;
}

const INSERT_ROWS = 5000;

/** Takes out of `pg_temp.outdated` what a line says that is there. */
export class Claims {
  readonly #client: ClientBase;
  readonly #options: LineDecoderOptions & { zone: string };
  /** Sensors by UTC date of which something is outdated. */
  #days = new Map<string, string[]>();
  readonly #heirs: Heir[] = [];

  constructor(client: ClientBase, options: LineDecoderOptions & { zone: string }) {
    this.#client = client;
    this.#options = options;
  }

  /**
   * @param replayed files that are decoded anew after this: what they say now is stored then.
   * @returns the files for whose sake readings stay.
   * @throws {UsageError} where a collector whose folder is not named may claim some of it.
   */
  async spare(own: Folder, others: readonly Folder[], replayed: ReadonlySet<string>): Promise<Heir[]> {
    const { rows } = await this.#client.query<{ day: string; sensors: string[] }>(
      `SELECT to_char(time AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, array_agg(DISTINCT sensor_id) AS sensors
       FROM pg_temp.outdated GROUP BY 1`,
    );
    this.#days = new Map(rows.map(({ day, sensors }) => [day, sensors]));
    await this.#spareUnnamed([own, ...others].map(({ collector }) => collector));
    for (const folder of [own, ...others])
      await this.#spareFolder(folder, folder === own ? replayed : new Set());
    return this.#heirs;
  }

  /** What is known of other collectors is what their files are called. */
  async #spareUnnamed(named: string[]): Promise<void> {
    const { rows } = await this.#client.query<{ collector: string; path: string }>(
      'SELECT collector, path FROM bronze.raw_file WHERE collector <> ALL ($1::text[]) AND lines > 0',
      [named],
    );
    const vague = new Set(rows.filter(({ path }) => isMixed(path)).map(({ collector }) => collector));
    if (vague.size > 0) {
      throw new UsageError(
        `Readings may also be of ${[...vague].join(', ')}, which loads into the same database: name the data folder of each with --data, so that nothing of theirs is removed.`,
      );
    }
    const claimed = rows.flatMap(({ path }) => this.#sensorsOf(path));
    for (let at = 0; at < claimed.length; at += INSERT_ROWS) {
      const some = claimed.slice(at, at + INSERT_ROWS);
      await this.#client.query(
        `DELETE FROM pg_temp.outdated o USING unnest($1::text[], $2::date[]) c (sensor_id, day)
         WHERE o.sensor_id = c.sensor_id AND (o.time AT TIME ZONE 'UTC')::date = c.day`,
        [some.map(({ sensor }) => sensor), some.map(({ day }) => day)],
      );
    }
  }

  async #spareFolder({ dataDir, collector }: Folder, replayed: ReadonlySet<string>): Promise<void> {
    const options = { ...this.#options, folder: rawFolder(dataDir) };
    const past = await PastDecoders.load(this.#client, collector, options, options.zone);
    const present = new LineDecoder(options);
    const subjects = await findSubjects({ dataDir }, await readLedger(this.#client, collector));
    for (const subject of subjects) {
      if (!isMixed(subject.name) && this.#sensorsOf(subject.name).length === 0) continue;
      const isAnew = replayed.has(subject.name);
      const spared = await this.#spareFile(subject, isAnew, start =>
        isAnew ? present : past.at(subject.name, start),
      );
      if (spared > 0 && !isAbsolute(subject.name) && !holdsEnvelopes(subject.name)) {
        const stored = await this.#storedOf(subject, present);
        this.#heirs.push({ collector, path: subject.name, stored });
      }
    }
  }

  /**
   * @returns how many readings stay.
   * @param isAnew what the file says now takes the place of another value; otherwise it claims the key.
   */
  async #spareFile(
    { name, path, bytes, entry }: Subject,
    isAnew: boolean,
    decoderAt: (start: number) => LineDecoder,
  ): Promise<number> {
    if (path === undefined || (await stat(path).catch(() => undefined)) === undefined) return 0;
    let spared = 0;
    let claimed: Row[] = [];
    const flush = async () => {
      const rows = claimed;
      claimed = [];
      const { rowCount } = await this.#client.query(
        `DELETE FROM pg_temp.outdated o USING unnest($1::text[], $2::timestamptz[], $3::float8[]) c (sensor_id, time, value)
         WHERE o.sensor_id = c.sensor_id AND o.time = c.time ${isAnew ? 'AND o.value = c.value' : ''}`,
        columnsOf(rows),
      );
      spared += rowCount ?? 0;
    };
    // What is not loaded yet is stored when it is.
    for await (const piece of linesOf({ path, name, bytes }, entry, !isAnew)) {
      for (const raw of splitLines(piece.bytes, piece.start)) {
        claimed.push(...decoderAt(raw.start).decode(name, raw).rows);
      }
      if (claimed.length >= INSERT_ROWS) await flush();
    }
    await flush();
    return spared;
  }

  /** How many readings of a file of plain messages silver has as it says them. */
  async #storedOf({ name, path, bytes, entry }: Subject, decoder: LineDecoder): Promise<number> {
    const said = new Map<string, Row>();
    for await (const piece of linesOf({ path: path!, name, bytes }, entry, true)) {
      for (const raw of splitLines(piece.bytes, piece.start)) {
        for (const row of decoder.decode(name, raw).rows)
          said.set(`${row.time} ${row.value} ${row.sensorId}`, row);
      }
    }
    const rows = [...said.values()];
    let stored = 0;
    for (let at = 0; at < rows.length; at += INSERT_ROWS) {
      const some = rows.slice(at, at + INSERT_ROWS);
      const { rowCount } = await this.#client.query(
        `SELECT FROM unnest($1::text[], $2::timestamptz[], $3::float8[]) c (sensor_id, time, value)
         JOIN silver.sensor_reading s ON (s.sensor_id, s.time, s.value) = (c.sensor_id, c.time, c.value)`,
        columnsOf(some),
      );
      stored += rowCount ?? 0;
    }
    return stored;
  }

  /** The sensors of which a plain file of a collector may hold something that is outdated. */
  #sensorsOf(path: string): { sensor: string; day: string }[] {
    const file = RawFileName.ofKey(keyOfEntry(path));
    if (file === undefined) return [];
    const sensors = this.#days.get(file.date) ?? [];
    return sensors.filter(sensor => file.mayHold(sensor)).map(sensor => ({ sensor, day: file.date }));
  }
}

/** Readings by column: sensor, time, value. */
function columnsOf(rows: readonly Row[]): [string[], string[], number[]] {
  return [
    rows.map(({ sensorId }) => sensorId),
    rows.map(({ time }) => formatTime(time)),
    rows.map(({ value }) => value),
  ];
}

/** Whether a file may hold readings of any sensor and day. */
function isMixed(path: string): boolean {
  return !RawFileName.ofKey(keyOfEntry(path))?.isOfSensor;
}
