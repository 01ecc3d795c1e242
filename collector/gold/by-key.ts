/*
 * SQL by which the planner takes the index that begins with `sensor_id`, whatever its statistics are, and not the one that
 * begins with the time, by which each sensor would read the rows of all. (test/collector/gold/cost.test.ts)
 *
 * It takes a range whose ends it does not know for one row in 200. So a range of `sensor_id` that says no more than the
 * equation makes the one index promise 200 times fewer rows than the other. By the equation alone it promises no fewer
 * where the statistics are of a time in which there were few sensors.
 */

/**
 * Whether a row is of one sensor. A range of time goes with it, whose ends are columns of an outer query, too.
 * @param sensor a column of an outer query.
 */
export function isOf(sensor: string): string {
  return `sensor_id = ${sensor} AND sensor_id BETWEEN ${sensor} AND ${sensor}`;
}

/**
 * Whether a row of silver.sensor_reading is that of one sensor and time.
 *
 * What stands in a SELECT of its own is unknown to the planner, also where it plans for these very values; an equation of
 * time would promise one row where the statistics are of sensors that never measured at the same time. TimescaleDB has to
 * see the time, to leave chunks out, and must not see a range of sensors: by one it cannot update compressed chunks.
 * @param row a record of plpgsql that has the columns `sensor_id` and `time`.
 */
export function isReading(row: string): string {
  const unseen = (column: string) =>
    `${column} BETWEEN (SELECT ${row}.${column}) AND (SELECT ${row}.${column})`;
  return `sensor_id = ${row}.sensor_id AND ${unseen('sensor_id')}
    AND time BETWEEN ${row}.time AND ${row}.time AND ${unseen('time')}`;
}
