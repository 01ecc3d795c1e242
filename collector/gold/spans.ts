import type { ClientBase } from 'pg';

/** Minutes that lie close together: whole UTC days, from the start of one to before the start of another. */
export interface Span {
  from: string;
  to: string;
}

/** Each span costs a round of statements; what is spread over more is mended less economically, never less exactly. */
const MOST_SPANS = 12;

/**
 * The days of the refreshed minutes, neighbours together. A statement that is given a span as its constants leaves the
 * chunks of other days alone: one late reading of last year does not make the minutes of today look through a year of
 * chunks. Where days are too many, the oldest become one span.
 */
export async function spansOf(client: ClientBase): Promise<Span[]> {
  const { rows } = await client.query<Span>(
    `WITH refreshed_day AS (
       SELECT DISTINCT date_trunc('day', bucket, 'UTC') AS day FROM refreshed_minute
     ), numbered AS (
       SELECT day, day - row_number() OVER (ORDER BY day) * INTERVAL '24 hours' AS island FROM refreshed_day
     ), span AS (
       SELECT min(day) AS since, max(day) + INTERVAL '24 hours' AS until FROM numbered GROUP BY island
     ), ranked AS (
       SELECT *, least(row_number() OVER (ORDER BY since DESC), ${MOST_SPANS}) AS rank FROM span
     )
     SELECT min(since)::text AS "from", max(until)::text AS "to" FROM ranked GROUP BY rank ORDER BY rank DESC`,
  );
  return rows;
}
