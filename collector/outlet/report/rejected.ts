import type { ClientBase } from 'pg';

/** Lines of raw files that could not be stored, by reason. */
export interface RejectedLines {
  count: number;
  /** Of all reasons, the most frequent ones; with their newest line. */
  reasons: {
    reason: string;
    count: number;
    sensors: number;
    path: string;
    byte_offset: string;
    line: string;
  }[];
  /** How many reasons there are. */
  reasonCount: number;
}

const REASONS = 20;
const LINE_LENGTH = 200;

/**
 * Reads the rejected lines of a day: of the day on which they were rejected, where they say none of their own.
 * @param only ids of the sensors that they are of; undefined: all lines.
 */
export async function readRejected(
  client: ClientBase,
  date: string,
  only?: ReadonlySet<string>,
): Promise<RejectedLines> {
  const { rows } = await client.query<
    RejectedLines['reasons'][number] & { total: number; reasonCount: number }
  >(
    `SELECT reason, count(*)::float8 AS count, count(DISTINCT sensor_id)::float8 AS sensors,
       (sum(count(*)) OVER ())::float8 AS total, (count(*) OVER ())::float8 AS "reasonCount",
       (array_agg(path ORDER BY rejected_at DESC, byte_offset DESC))[1] AS path,
       (array_agg(byte_offset ORDER BY rejected_at DESC, byte_offset DESC))[1]::text AS byte_offset,
       left((array_agg(line ORDER BY rejected_at DESC, byte_offset DESC))[1], $2) AS line
     FROM silver.rejected_line
     WHERE coalesce(time, rejected_at) >= $1::date AND coalesce(time, rejected_at) < $1::date + 1
       AND ($4::text[] IS NULL OR sensor_id = ANY ($4))
     GROUP BY reason ORDER BY count DESC, reason LIMIT $3`,
    [date, LINE_LENGTH, REASONS, only === undefined ? null : [...only]],
  );
  return { count: rows[0]?.total ?? 0, reasonCount: rows[0]?.reasonCount ?? 0, reasons: rows };
}
