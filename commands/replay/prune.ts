import type { ClientBase } from 'pg';
import type { Logger } from 'pino';
import { UsageError } from '../../base/errors.ts';
import { formatTime } from '../../base/time.ts';
import { splitLines } from '../../collector/bronze/line-reader.ts';
import { rawFolder } from '../../collector/bronze/raw-file-name.ts';
import type { Topics } from '../../collector/payload/topics.ts';
import { readTopics } from '../../collector/payload/topics-file.ts';
import { readKeptTopics } from '../../collector/silver/decoded-with.ts';
import { readLedger } from '../../collector/silver/ledger.ts';
import { LineDecoder, type LineDecoderOptions } from '../../collector/silver/line-decoder.ts';
import type { Row } from '../../collector/silver/reading-columns.ts';
import { REGISTRY_CHANNEL, Registry } from '../../collector/silver/registry.ts';
import { ProgressBar } from '../output/progress-bar.ts';
import { Claims, type Folder, type Heir } from './claims.ts';
import { linesOf } from './file-replay.ts';
import type { ReplayFile } from './files.ts';

const INSERT_ROWS = 5000;

export interface PruneOptions {
  folder: Folder;
  /** Data folders of other collectors that load into the same database. */
  others: readonly Folder[];
  topics: Topics;
  /** SENSOR_TIMEZONE, for former topics files. */
  zone: string;
  log: Logger;
}

/** How many readings of an entry of a former topics file go. */
export interface Pruned {
  entry: string;
  readings: number;
}

/**
 * Removes what former topics files found in raw files and the present one does not: readings that no line says any more. It
 * keeps what another line or another collector claims. Runs before the files are replayed, which stores what is newly found.
 */
export class Prune {
  readonly #client: ClientBase;
  readonly #options: PruneOptions;
  #heirs: readonly Heir[] = [];

  private constructor(client: ClientBase, options: PruneOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** @throws {UsageError} where the connection's role may not remove readings. */
  static async prepare(client: ClientBase, options: PruneOptions): Promise<Prune> {
    const { rows } = await client.query<{ may: boolean; role: string }>(
      `SELECT current_user AS role, bool_and(has_table_privilege(t, 'DELETE')) AS may
       FROM unnest(ARRAY['silver.sensor_reading', 'silver.rejected_line', 'silver.conflicting_reading', 'silver.sensor']) t`,
    );
    const { may, role } = rows[0]!;
    if (!may) {
      throw new UsageError(
        `--prune removes readings, which the role ${role} may not: name the owner of the tables in DATABASE_URL, the role that ran sluice migrate.`,
      );
    }
    await prepareOutdated(client);
    return new Prune(client, options);
  }

  /**
   * Notes in `pg_temp.outdated` what is to go, and counts it by the entry that found it.
   * @param files that are replayed after this.
   * @throws {UsageError} where other collectors may claim some of it, and nobody knows.
   */
  async find(files: readonly ReplayFile[]): Promise<Pruned[]> {
    const client = this.#client;
    const { folder, others, topics, zone } = this.#options;
    const registry = await Registry.load(client);
    const options = { topics, registry, lateMinutes: 0, folder: rawFolder(folder.dataDir) };
    await this.#collect(files, options, await this.#formerDecoders(options));
    await client.query(
      `DELETE FROM pg_temp.outdated o WHERE NOT EXISTS (
         SELECT FROM silver.sensor_reading s WHERE (s.sensor_id, s.time, s.value) = (o.sensor_id, o.time, o.value)
       )`,
    );
    const { rowCount } = await client.query('SELECT FROM pg_temp.outdated LIMIT 1');
    if (rowCount === 0) return [];
    await client.query('ANALYZE pg_temp.outdated');
    const claims = new Claims(client, { ...options, zone });
    this.#heirs = await claims.spare(folder, others, new Set(files.map(({ name }) => name)));
    const { rows } = await client.query<{ entry: string; readings: number }>(
      'SELECT entry, count(*)::float8 AS readings FROM pg_temp.outdated GROUP BY entry ORDER BY entry',
    );
    return rows;
  }

  /** Removes what `find` noted; the minutes that it touches wait for the next refresh. */
  async remove(): Promise<void> {
    const client = this.#client;
    await client.query('BEGIN');
    try {
      // The bounds let TimescaleDB leave out the other chunks.
      const { rows } = await client.query<{ least: string | null; greatest: string | null }>(
        'SELECT min(time)::text AS least, max(time)::text AS greatest FROM pg_temp.outdated',
      );
      const { least, greatest } = rows[0]!;
      await client.query(
        `WITH gone AS (
           DELETE FROM silver.sensor_reading s USING pg_temp.outdated o
           WHERE (s.sensor_id, s.time, s.value) = (o.sensor_id, o.time, o.value) AND s.time BETWEEN $1 AND $2
           RETURNING s.sensor_id, s.time
         )
         INSERT INTO sluice.stale_minute (bucket, sensor_id)
         SELECT DISTINCT date_trunc('minute', time, 'UTC'), sensor_id FROM gone`,
        [least, greatest],
      );
      await client.query(
        `DELETE FROM silver.duplicate_minute d
         WHERE (sensor_id, bucket) IN (SELECT sensor_id, date_trunc('minute', time, 'UTC') FROM pg_temp.outdated)
           AND NOT EXISTS (
             SELECT FROM silver.sensor_reading s
             WHERE s.sensor_id = d.sensor_id AND s.time >= d.bucket AND s.time < d.bucket + INTERVAL '1 minute'
           )`,
      );
      // Sensors that only the former topics file knew.
      await client.query(
        `DELETE FROM silver.sensor r
         WHERE registered_by = 'topics' AND sensor_id IN (SELECT sensor_id FROM pg_temp.outdated)
           AND NOT EXISTS (SELECT FROM silver.sensor_reading s WHERE s.sensor_id = r.sensor_id)`,
      );
      await client.query(
        `DELETE FROM silver.seen_sensor r
         WHERE sensor_id IN (SELECT sensor_id FROM pg_temp.outdated)
           AND NOT EXISTS (SELECT FROM silver.sensor_reading s WHERE s.sensor_id = r.sensor_id)`,
      );
      // What was a duplicate of a reading that only the former topics file found is what its own file has brought now.
      await client.query(
        `UPDATE bronze.raw_file f SET stored = h.stored, duplicates = f.stored + f.duplicates - h.stored
         FROM unnest($1::text[], $2::text[], $3::bigint[]) h (collector, path, stored)
         WHERE f.collector = h.collector AND f.path = h.path AND h.stored <= f.stored + f.duplicates`,
        (['collector', 'path', 'stored'] as const).map(key => this.#heirs.map(heir => heir[key])),
      );
      await client.query(`NOTIFY ${REGISTRY_CHANNEL}`);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  /** A decoder for each former topics file that this version can read. */
  async #formerDecoders(options: LineDecoderOptions): Promise<LineDecoder[]> {
    const { zone, log } = this.#options;
    const decoders: LineDecoder[] = [];
    for (const [hash, text] of await readKeptTopics(this.#client)) {
      if (hash === options.topics.hash) continue;
      try {
        decoders.push(new LineDecoder({ ...options, topics: readTopics(text, { zone }) }));
      } catch (error) {
        log.warn({ hash, err: error }, 'a former topics file cannot be read; what it found stays');
      }
    }
    return decoders;
  }

  /** Notes what the former decoders find in the loaded lines of files, and the present one does not. */
  async #collect(
    files: readonly ReplayFile[],
    options: LineDecoderOptions,
    former: readonly LineDecoder[],
  ): Promise<void> {
    const present = new LineDecoder(options);
    const ledger = await readLedger(this.#client, this.#options.folder.collector);
    const bar = new ProgressBar(files.reduce((sum, file) => sum + file.bytes, 0));
    const outdated = new Outdated(this.#client);
    let done = 0;
    for (const file of files) {
      const loaded = ledger.get(file.name);
      if (loaded !== undefined && !present.isPlain(file.name)) {
        for await (const { bytes, start, bytesRead } of linesOf(file, loaded, true)) {
          for (const raw of splitLines(bytes, start)) {
            const said = new Set(present.decode(file.name, raw).rows.map(keyOf));
            for (const decoder of former) {
              for (const row of decoder.decode(file.name, raw).rows) {
                if (!said.has(keyOf(row))) await outdated.add(row, decoder.entry ?? '');
              }
            }
          }
          bar.show(done + bytesRead, file.name);
        }
      }
      done += file.bytes;
    }
    await outdated.flush();
    bar.clear();
  }
}

/** Makes the table of what is to go, empty, unless it is there. */
export async function prepareOutdated(client: ClientBase): Promise<void> {
  await client.query(
    `CREATE TEMP TABLE IF NOT EXISTS outdated
       (sensor_id text, time timestamptz, value float8, entry text, PRIMARY KEY (sensor_id, time, value))`,
  );
}

function keyOf({ sensorId, time, value }: Row): string {
  return `${time} ${value} ${sensorId}`;
}

/** Puts readings into `pg_temp.outdated`, many at a time. */
class Outdated {
  readonly #client: ClientBase;
  #rows: [sensorId: string, time: string, value: number, entry: string][] = [];

  constructor(client: ClientBase) {
    this.#client = client;
  }

  async add({ sensorId, time, value }: Row, entry: string): Promise<void> {
    this.#rows.push([sensorId, formatTime(time), value, entry]);
    if (this.#rows.length >= INSERT_ROWS) await this.flush();
  }

  async flush(): Promise<void> {
    const rows = this.#rows;
    this.#rows = [];
    await this.#client.query(
      'INSERT INTO pg_temp.outdated SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::float8[], $4::text[]) ON CONFLICT DO NOTHING',
      [0, 1, 2, 3].map(at => rows.map(row => row[at])),
    );
  }
}
