import { z } from 'zod';
import { interval, isMeant, ruleKind } from '../rule.ts';

/** What of a sensor's readings is counted: name, column of gold.data_quality_1min, words. */
const counted = [
  ['out_of_range', 'out_of_range', 'are out of range'],
  ['stuck', 'stuck', 'repeat one value'],
  ['jumps', 'jumps', 'change too fast'],
  ['rejected', 'rejected', 'are rejected'],
  ['late', 'late', 'come late'],
  ['duplicates', 'duplicates', 'are duplicates'],
  ['conflicts', 'conflicts', 'contradict others'],
  ['unknown', 'unknown', 'are of an unknown sensor'],
] as const;

const share = z
  .number('must be a share from 0 to 1')
  .min(0, 'must be at least 0')
  .max(1, 'must be at most 1');

/** More than a share of what a sensor has sent lately is of some kind. */
export const shares = counted.map(([name, column, words]) =>
  ruleKind({
    name,
    options: {
      share: share
        .default(0)
        .describe('It fires above this share of what was received; 0: at the first one.'),
      back: share.optional().describe('It resolves at this share or below; default: `share`.'),
      within: interval.default('5min').describe('Of so much time.'),
    },
    examine({ share, back = share }, report) {
      if (back > share) report('back', `must be at most share, which is ${share}: it resolves there`);
    },
    question: ({ share: above, back = above, within }) => ({
      sql: `
        SELECT sensor_id, value, value > $3::float8 AS bad, value <= $4::float8 AS fine
        FROM (
          SELECT sensor_id, sum(${column})::float8 / sum(received)::float8 AS value FROM gold.data_quality_1min
          WHERE bucket > now() - $5::interval - INTERVAL '1 minute' AND bucket <= now() AND received > 0 AND ${isMeant('sensor_id')}
          GROUP BY sensor_id
        ) q`,
      absentIsFine: true,
      values: [above, back, within],
      summary: (sensor, value) => `${sensor}: ${Math.round(Number(value) * 100)} % of its readings ${words}`,
    }),
  }),
);
