import { z } from 'zod';
import { isMeant, ruleKind } from '../rule.ts';

/**
 * Sensors that have sent nothing for some of their registered intervals, and for a minute at least: gold knows minutes.
 * Those without an interval are silent whenever they like.
 */
export const silent = ruleKind({
  name: 'silent',
  options: {
    intervals: z
      .number('must be a number of intervals')
      .min(1, 'must be at least 1')
      .default(3)
      .describe('So many times expected_interval of the registry.'),
  },
  question: ({ intervals }) => ({
    sql: `
      SELECT s.sensor_id, last.bucket IS NULL AS bad, last.bucket IS NOT NULL AS fine,
        CASE WHEN last.bucket IS NULL THEN extract(epoch FROM now() - greatest(seen.seen_at, (
          SELECT max(bucket) + INTERVAL '1 minute' FROM gold.data_quality_1min
          WHERE sensor_id = s.sensor_id AND received > 0 AND bucket > now() - INTERVAL '1 day'
        ))) END AS value
      FROM silver.sensor s JOIN silver.seen_sensor seen USING (sensor_id)
      LEFT JOIN LATERAL (
        SELECT bucket FROM gold.data_quality_1min WHERE sensor_id = s.sensor_id AND received > 0
          AND bucket > now() - greatest($3 * s.expected_interval, INTERVAL '1 minute') - INTERVAL '1 minute'
        LIMIT 1
      ) last ON true
      WHERE s.expected_interval IS NOT NULL AND ${isMeant('s.sensor_id')}`,
    // It is not registered any more, or may be silent now.
    absentIsFine: true,
    values: [intervals],
    summary: (sensor, value) => `${sensor} has sent nothing${value === '' ? '' : ` for ${value} s`}`,
  }),
});
