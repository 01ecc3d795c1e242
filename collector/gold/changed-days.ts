import type { ClientBase } from 'pg';

/** Notes the UTC days of the refreshed minutes: what the lake has of them is to be made anew. */
export async function noteChangedDays(client: ClientBase): Promise<void> {
  await client.query(
    `INSERT INTO bronze.lake_day (day, changed_at)
     SELECT day, clock_timestamp() FROM (SELECT DISTINCT (bucket AT TIME ZONE 'UTC')::date AS day FROM refreshed_minute) d
     ON CONFLICT (day) DO UPDATE SET changed_at = greatest(lake_day.changed_at, excluded.changed_at)`,
  );
}
