import { interval, isMeant, number, ruleKind } from '../rule.ts';

/** The mean of a sensor's valid readings is beyond a limit. Beside `out_of_range`, whose readings are in no mean. */
export const value = ruleKind({
  name: 'value',
  options: {
    above: number.optional().describe('It fires above this.'),
    below: number.optional().describe('It fires below this.'),
    margin: number
      .min(0, 'must be at least 0')
      .default(0)
      .describe('It resolves when the mean is so far within the limits.'),
    within: interval.default('1min').describe('Mean of so much time.'),
  },
  examine({ above, below, margin }, report) {
    if (above === undefined && below === undefined)
      report('when', 'value must have above, below or both: without a limit it would never fire');
    else if (above !== undefined && below !== undefined && above - margin < below + margin)
      report(
        'margin',
        `${margin} must leave room between below (${below}) and above (${above}): it could never resolve`,
      );
  },
  question: ({ above = null, below = null, margin, within }) => ({
    sql: `
      SELECT sensor_id, value, coalesce(value > $3, false) OR coalesce(value < $4, false) AS bad,
        coalesce(value <= $3 - $5::float8, true) AND coalesce(value >= $4 + $5::float8, true) AS fine
      FROM (
        SELECT sensor_id, sum(val_mean * n) / sum(n)::float8 AS value FROM gold.reading_1min_mean
        WHERE bucket > now() - $6::interval - INTERVAL '1 minute' AND bucket <= now() AND abs(val_mean) < 1e150
          AND ${isMeant('sensor_id')}
        GROUP BY sensor_id
      ) m`.replaceAll(/\$([34])(?!\d)/g, '$$$1::float8'),
    values: [above, below, margin, within],
    summary: (sensor, mean) => `${sensor} is at ${mean}`,
  }),
});

/** A sensor's values have changed by more than they should within some time. */
export const change = ruleKind({
  name: 'change',
  options: {
    by: number.positive('must be more than 0').describe('It fires when greatest and least differ by more.'),
    within: interval.default('10min').describe('Within so much time.'),
  },
  question: ({ by, within }) => ({
    sql: `
      SELECT sensor_id, value, value > $3::float8 AS bad, value <= $3::float8 AS fine
      FROM (
        SELECT sensor_id, greatest(least(max(val_max), 1e300), -1e300) - greatest(least(min(val_min), 1e300), -1e300) AS value
        FROM gold.reading_1min_mean
        WHERE bucket > now() - $4::interval - INTERVAL '1 minute' AND bucket <= now() AND ${isMeant('sensor_id')}
        GROUP BY sensor_id
      ) m`,
    values: [by, within],
    summary: (sensor, difference) => `${sensor} has changed by ${difference} within ${within}`,
  }),
});
