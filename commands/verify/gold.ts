import { meanColumns, meanRollups } from '../../collector/gold/means.ts';
import { qualityRollups, receivedParts, storedCounts } from '../../collector/gold/quality.ts';
import type { Rollup } from '../../collector/gold/rollup.ts';

/*
 * What gold must be, as SELECTs of its differences: a column `what`, a row each. All take a sensor ($1) and a UTC day, by its
 * start ($2) and the start of the next ($3), and leave out what `audit_stale` says will be recomputed.
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

/** A SELECT of differences, and a name for it. */
interface Check {
  name: string;
  select: string;
}

/** Minutes, beside silver: of days that silver still has. */
export const minuteDifferences: readonly Check[] = [
  { name: 'gold.reading_1min_mean', select: minuteMeanDifferences() },
  { name: 'gold.data_quality_1min', select: minuteQualityDifferences() },
];
/** Hours beside minutes, days beside hours. */
export const rollupDifferences: readonly Check[] = rollups.map(rollup => ({
  name: rollup.target,
  select: differencesOf(rollup),
}));

function minuteMeanDifferences(): string {
  return `
    SELECT 'mean of ' || $1 || ' at ' || bucket || ' in gold.reading_1min_mean is ' || coalesce(g.val_mean::text, 'missing')
      || ' (n ' || coalesce(g.n, 0) || '), recomputed from silver ' || coalesce(r.val_mean::text, 'none') || ' (n ' || coalesce(r.n, 0) || ')' AS what
    FROM (
      SELECT date_trunc('minute', time, 'UTC') AS bucket, ${meanColumns}
      FROM silver.sensor_reading WHERE sensor_id = $1 AND time >= $2 AND time < $3 AND quality = 'valid' GROUP BY 1
    ) r FULL JOIN (
      SELECT bucket, val_mean, val_min, val_max, n FROM gold.reading_1min_mean
      WHERE sensor_id = $1 AND bucket >= $2 AND bucket < $3
    ) g USING (bucket)
    WHERE (g.val_mean, g.val_min, g.val_max, g.n) IS DISTINCT FROM (r.val_mean, r.val_min, r.val_max, r.n)
      AND NOT EXISTS (SELECT FROM audit_stale t WHERE t.sensor_id = $1 AND t.bucket = coalesce(g.bucket, r.bucket))
    ORDER BY bucket`;
}

/** A minute of which nothing came may have a row, of zeros: how much was expected of it, only its refresh knows. */
function minuteQualityDifferences(): string {
  const counts = [...receivedParts, 'late', 'stuck', 'jumps'];
  const lines = (table: string, column: string) => `
    SELECT date_trunc('minute', time, 'UTC'), ${counts.map(count => (count === column ? 'count(*)' : '0'))}
    FROM ${table} WHERE sensor_id = $1 AND time >= $2 AND time < $3 GROUP BY 1`;
  const columns = ['received', ...counts];
  return `
    SELECT 'gold.data_quality_1min of ' || $1 || ' at ' || bucket || ': ' || ${deviations(columns, '0')} AS what
    FROM (
      SELECT bucket, (${receivedParts.map(part => `sum(${part})`).join(' + ')})::bigint AS received,
        ${counts.map(count => `sum(${count})::bigint AS ${count}`)}
      FROM (
        SELECT bucket, ${counts} FROM (
          SELECT date_trunc('minute', time, 'UTC') AS bucket, ${storedCounts}, 0 AS rejected, 0 AS duplicates, 0 AS conflicts
          FROM silver.sensor_reading WHERE sensor_id = $1 AND time >= $2 AND time < $3 GROUP BY 1
        ) stored
        UNION ALL ${lines('silver.rejected_line', 'rejected')}
        UNION ALL ${lines('silver.conflicting_reading', 'conflicts')}
        UNION ALL
        SELECT bucket, ${counts.map(count => (count === 'duplicates' ? 'n' : '0'))}
        FROM silver.duplicate_minute WHERE sensor_id = $1 AND bucket >= $2 AND bucket < $3
      ) part GROUP BY bucket
    ) r FULL JOIN (
      SELECT bucket, ${columns} FROM gold.data_quality_1min WHERE sensor_id = $1 AND bucket >= $2 AND bucket < $3
    ) g USING (bucket)
    WHERE (${columns.map(column => `g.${column}`)}) IS DISTINCT FROM (${columns.map(column => `coalesce(r.${column}, 0)`)})
      AND NOT EXISTS (SELECT FROM audit_stale t WHERE t.sensor_id = $1 AND t.bucket = coalesce(g.bucket, r.bucket))
    ORDER BY bucket`;
}

function differencesOf(rollup: Rollup): string {
  const { target, source, unit, columns, aggregate } = rollup;
  return `
    SELECT '${target} of ' || $1 || ' at ' || since || ': ' || ${deviations(columns, 'none')} || ' by ${source}' AS what
    FROM (
      SELECT date_trunc('${unit}', bucket, 'UTC') AS since, ${aggregate}
      FROM ${source} WHERE sensor_id = $1 AND bucket >= $2 AND bucket < $3 GROUP BY 1
    ) r FULL JOIN (
      SELECT bucket AS since, ${columns} FROM ${target} WHERE sensor_id = $1 AND bucket >= $2 AND bucket < $3
    ) g USING (since)
    WHERE (${columns.map(column => `g.${column}`)}) IS DISTINCT FROM (${columns.map(column => `r.${column}`)})
      AND NOT EXISTS (
        SELECT FROM audit_stale t WHERE t.sensor_id = $1 AND date_trunc('${unit}', t.bucket, 'UTC') = since
      )
    ORDER BY since`;
}

/** SQL: the columns in which a row of gold (g) is not what it was recomputed to be (r). */
function deviations(columns: readonly string[], none: string): string {
  const parts = columns.map(
    column => `CASE WHEN g.${column}::text IS DISTINCT FROM coalesce(r.${column}::text, '${none}')
      THEN '${column} ' || coalesce(g.${column}::text, 'missing') || ' is ' || coalesce(r.${column}::text, '${none}') END`,
  );
  return `concat_ws(', ', ${parts.join(', ')})`;
}
