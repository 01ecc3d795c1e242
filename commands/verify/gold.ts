import { meanColumns, meanRollups } from '../../collector/gold/means.ts';
import { expectedOf, qualityRollups, receivedParts, storedCounts } from '../../collector/gold/quality.ts';
import type { Rollup } from '../../collector/gold/rollup.ts';

/*
 * What gold must be, as SELECTs of its differences: a column `what`, a row each. All look at the sensors and UTC days in
 * `audit_now`, which lie between $1 and $2 (constants, so that the planner leaves out the chunks of other days), and leave out
 * what `audit_stale` says will be recomputed.
 *
 * Minutes are held to silver, hours to minutes, days to hours: each step is exact, to the last bit, so their chain is.
 */

const rollups = [...meanRollups, ...qualityRollups];

/** Every table of gold by sensor and time, with the start of its period as SQL. */
export const goldPeriods: readonly { table: string; since: string }[] = [
  'gold.reading_1min_mean',
  'gold.data_quality_1min',
  ...rollups.map(({ target }) => target),
].map(table => ({ table, since: 'bucket' }));

/** SELECTs of differences of minutes, beside silver: of days that silver still has. */
export const minuteDifferences: readonly string[] = [minuteMeanDifferences(), minuteQualityDifferences()];
/** The same of hours beside minutes, of days beside hours. */
export const rollupDifferences: readonly string[] = rollups.map(differencesOf);

/**
 * The same of what was expected of minutes, by the registry of now: one that said another interval when a minute was refreshed
 * is no difference of the tables. Minutes that are not over are judged again by the next refresh.
 */
export const expectedDifferences: readonly string[] = [
  `SELECT 'gold.data_quality_1min of ' || sensor_id || ' at ' || bucket || ': expected ' || coalesce(expected::text, 'nothing')
     || ', by expected_interval of the registry ' || coalesce(registered::text, 'nothing')
     || '; \`sluice replay --reclassify\` counts it again' AS what,
     sensor_id, bucket AS since
   FROM (
     SELECT m.bucket, m.sensor_id, m.expected, ${expectedOf("'infinity'")} AS registered
     FROM (SELECT t.* FROM ${rowsNow('gold.data_quality_1min', 'bucket', true)}) m
     LEFT JOIN silver.sensor s ON s.sensor_id = m.sensor_id
     LEFT JOIN silver.seen_sensor seen ON seen.sensor_id = m.sensor_id
   ) g
   WHERE expected IS DISTINCT FROM registered AND bucket < (SELECT filled_to FROM sluice.quality_watermark)
     AND NOT EXISTS (SELECT FROM audit_stale s WHERE s.sensor_id = g.sensor_id AND s.bucket = g.bucket)`,
];

/** SQL: the rows of a table by minute, hour or day that are looked at. @param kept only those of days that silver has. */
function rowsNow(table: string, column: string, kept: boolean): string {
  return `${table} t JOIN audit_now n
    ON t.sensor_id = n.sensor_id AND t.${column} >= n.since AND t.${column} < n.until
      AND t.${column} >= $1::timestamptz AND t.${column} < $2::timestamptz
      ${kept ? 'AND NOT n.forgotten' : ''}`;
}

function minuteMeanDifferences(): string {
  return `
    SELECT 'mean of ' || sensor_id || ' at ' || bucket || ' in gold.reading_1min_mean is ' || coalesce(g.val_mean::text, 'missing')
      || ' (n ' || coalesce(g.n, 0) || '), recomputed from silver ' || coalesce(r.val_mean::text, 'none') || ' (n ' || coalesce(r.n, 0) || ')' AS what,
      sensor_id, bucket AS since
    FROM (
      SELECT t.sensor_id, date_trunc('minute', time, 'UTC') AS bucket, ${meanColumns}
      FROM ${rowsNow('silver.sensor_reading', 'time', true)} AND t.quality = 'valid' GROUP BY 1, 2
    ) r FULL JOIN (
      SELECT t.sensor_id, bucket, val_mean, val_min, val_max, n FROM ${rowsNow('gold.reading_1min_mean', 'bucket', true)}
    ) g USING (sensor_id, bucket)
    WHERE (g.val_mean, g.val_min, g.val_max, g.n) IS DISTINCT FROM (r.val_mean, r.val_min, r.val_max, r.n)
      AND NOT EXISTS (SELECT FROM audit_stale s WHERE s.sensor_id = g.sensor_id AND s.bucket = g.bucket)
      AND NOT EXISTS (SELECT FROM audit_stale s WHERE s.sensor_id = r.sensor_id AND s.bucket = r.bucket)`;
}

/** A minute of which nothing came may have a row, of zeros: how much was expected of it, only its refresh knows. */
function minuteQualityDifferences(): string {
  const counts = [...receivedParts, 'late', 'stuck', 'jumps'];
  const lines = (table: string, column: string) => `
    SELECT t.sensor_id, date_trunc('minute', time, 'UTC'), ${counts.map(count => (count === column ? 'count(*)' : '0'))}
    FROM ${rowsNow(table, 'time', true)} GROUP BY 1, 2`;
  const columns = ['received', ...counts];
  return `
    SELECT 'gold.data_quality_1min of ' || sensor_id || ' at ' || bucket || ': ' || ${deviations(columns, '0')} AS what,
      sensor_id, bucket AS since
    FROM (
      SELECT sensor_id, bucket, (${receivedParts.map(part => `sum(${part})`).join(' + ')})::bigint AS received,
        ${counts.map(count => `sum(${count})::bigint AS ${count}`)}
      FROM (
        SELECT sensor_id, bucket, ${counts} FROM (
          SELECT t.sensor_id, date_trunc('minute', time, 'UTC') AS bucket, ${storedCounts}, 0 AS rejected, 0 AS duplicates, 0 AS conflicts
          FROM ${rowsNow('silver.sensor_reading', 'time', true)} GROUP BY 1, 2
        ) stored
        UNION ALL ${lines('silver.rejected_line', 'rejected')}
        UNION ALL ${lines('silver.conflicting_reading', 'conflicts')}
        UNION ALL
        SELECT t.sensor_id, bucket, ${counts.map(count => (count === 'duplicates' ? 't.n' : '0'))}
        FROM ${rowsNow('silver.duplicate_minute', 'bucket', true)}
      ) part GROUP BY sensor_id, bucket
    ) r FULL JOIN (
      SELECT t.sensor_id, bucket, ${columns} FROM ${rowsNow('gold.data_quality_1min', 'bucket', true)}
    ) g USING (sensor_id, bucket)
    WHERE (${columns.map(column => `g.${column}`)}) IS DISTINCT FROM (${columns.map(column => `coalesce(r.${column}, 0)`)})
      AND NOT EXISTS (SELECT FROM audit_stale s WHERE s.sensor_id = g.sensor_id AND s.bucket = g.bucket)
      AND NOT EXISTS (SELECT FROM audit_stale s WHERE s.sensor_id = r.sensor_id AND s.bucket = r.bucket)`;
}

function differencesOf(rollup: Rollup): string {
  const { target, source, unit, columns, aggregate } = rollup;
  return `
    SELECT '${target} of ' || sensor_id || ' at ' || since || ': ' || ${deviations(columns, 'none')} || ' by ${source}' AS what,
      sensor_id, since
    FROM (
      SELECT sensor_id, date_trunc('${unit}', bucket, 'UTC') AS since, ${aggregate}
      FROM (SELECT t.* FROM ${rowsNow(source, 'bucket', false)}) finer GROUP BY 1, 2
    ) r FULL JOIN (
      SELECT sensor_id, bucket AS since, ${columns} FROM (SELECT t.* FROM ${rowsNow(target, 'bucket', false)}) coarser
    ) g USING (sensor_id, since)
    WHERE (${columns.map(column => `g.${column}`)}) IS DISTINCT FROM (${columns.map(column => `r.${column}`)})
      AND NOT EXISTS (
        SELECT FROM audit_stale s WHERE s.sensor_id = coalesce(g.sensor_id, r.sensor_id) AND date_trunc('${unit}', s.bucket, 'UTC') = since
      )`;
}

/** SQL: the columns in which a row of gold (g) is not what it was recomputed to be (r). */
function deviations(columns: readonly string[], none: string): string {
  const parts = columns.map(
    column => `CASE WHEN g.${column}::text IS DISTINCT FROM coalesce(r.${column}::text, '${none}')
      THEN '${column} ' || coalesce(g.${column}::text, 'missing') || ' is ' || coalesce(r.${column}::text, '${none}') END`,
  );
  return `concat_ws(', ', ${parts.join(', ')})`;
}
