import pg, { type ClientBase } from 'pg';
import Cursor from 'pg-cursor';
import { formatTime, type Micros } from '../../base/time.ts';
import { inSnapshot, readCursor } from '../../db/snapshot.ts';
import { readingColumnNames, type StoredReading } from './reading-columns.ts';

/** Which readings: those of one sensor with `from` ≤ time < `to`, after `after` where there is one. */
export interface Selection {
  sensorId: string;
  from: Micros;
  to: Micros;
  /** Only readings later than this one: the last of the page before. */
  after?: Micros | undefined;
  /** Leaves out this many readings; the server walks over their index entries, so `after` is the cheaper way to a page. */
  skip?: number | undefined;
  /** At most this many readings. Default: all. */
  limit?: number | undefined;
}

export interface Fetching {
  /** How many readings are in memory at once. */
  batchRows?: number;
  /** After this long the server ends the query, however slowly it is read. Default 0: never. */
  timeoutMs?: number;
}

/** About a megabyte of readings; larger batches are not faster. */
const BATCH_ROWS = 5000;
const TIMESTAMPTZ = 1184;

/**
 * Reads a sensor's readings in ascending order of time, by a cursor in a read-only transaction of its own on `client`,
 * which must not be in another. What is not asked for is not fetched; a loop that is left ends query and transaction.
 * @throws the error of PostgreSQL; 57014 after `timeoutMs`.
 */
export async function* readingBatches(
  client: ClientBase,
  selection: Selection,
  { batchRows = BATCH_ROWS, timeoutMs = 0 }: Fetching = {},
): AsyncGenerator<StoredReading[]> {
  yield* inSnapshot(client, timeoutMs, async function* () {
    const first = selection.skip ? await timeAfterSkipping(client, selection) : undefined;
    if (selection.skip && first === undefined) return;
    yield* readCursor(client.query(cursorOf(selection, first)), batchRows);
  });
}

function cursorOf(selection: Selection, first: string | undefined): Cursor<StoredReading> {
  const { where, values } = conditionOf(selection, first);
  return new Cursor<StoredReading>(
    `SELECT ${readingColumnNames} FROM silver.sensor_reading
     WHERE ${where} ORDER BY time LIMIT $${values.length + 1}`,
    [...values, selection.limit ?? null],
    // As text of PostgreSQL: a Date has no microseconds.
    {
      types: {
        getTypeParser: (oid: number, format?: 'text' | 'binary') =>
          oid === TIMESTAMPTZ ? isoTime : pg.types.getTypeParser(oid, format as 'text'),
      } as pg.CustomTypesConfig,
    },
  );
}

/** Time of the first reading that is not left out, found in the index alone where PostgreSQL can. */
async function timeAfterSkipping(client: ClientBase, selection: Selection): Promise<string | undefined> {
  const { where, values } = conditionOf(selection);
  const { rows } = await client.query<{ time: string }>(
    `SELECT time::text FROM silver.sensor_reading WHERE ${where} ORDER BY sensor_reading.time
     OFFSET $${values.length + 1} LIMIT 1`,
    [...values, selection.skip],
  );
  return rows[0]?.time;
}

/** @param first the first reading's time, where it is known better than by `from`. */
function conditionOf({ sensorId, from, to, after }: Selection, first = formatTime(from)) {
  const values = [sensorId, first, formatTime(to)];
  const where = 'sensor_id = $1 AND time >= $2 AND time < $3';
  return after === undefined
    ? { where, values }
    : { where: `${where} AND time > $4`, values: [...values, formatTime(after)] };
}

/** `2025-11-12 10:15:01.5+00` of PostgreSQL as `2025-11-12T10:15:01.500000Z`. */
function isoTime(text: string): string {
  const seconds = `${text.slice(0, 10)}T${text.slice(11, 19)}`;
  return text[19] === '.' ? `${seconds}.${text.slice(20, -3).padEnd(6, '0')}Z` : `${seconds}Z`;
}
