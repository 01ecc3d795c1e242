import { z } from 'zod';
import { isMeant, number, ruleKind } from '../rule.ts';

const of = z
  .enum(['hour', 'day'], { error: 'must be hour or day' })
  .default('hour')
  .describe('Of the last hour or UTC day that is over.');

/** SQL: the score of the last bucket that is over. */
const scores = (unit: 'hour' | 'day') => `
  SELECT sensor_id, score::float8 AS value FROM gold.data_quality_${unit === 'hour' ? 'hourly' : 'daily'}
  WHERE bucket = date_trunc('${unit}', now(), 'UTC') - INTERVAL '1 ${unit}' AND score IS NOT NULL AND ${isMeant('sensor_id')}`;

/** The quality score of an hour or day is too low. */
export const score = ruleKind({
  name: 'score',
  options: {
    of,
    below: number.min(0, 'must be at least 0').max(100, 'must be at most 100').default(80),
    back: number
      .max(100, 'must be at most 100')
      .optional()
      .describe('It resolves at this score; default: `below`.'),
  },
  examine({ below, back = below }, report) {
    if (back < below) report('back', `must be at least below, which is ${below}: it resolves there`);
  },
  question: ({ of: unit, below, back = below }) => ({
    sql: `SELECT sensor_id, value, value < $3::float8 AS bad, value >= $4::float8 AS fine FROM (${scores(unit)}) q`,
    values: [below, back],
    summary: (sensor, value) => `${sensor} had a quality score of ${value} in the last ${unit}`,
  }),
});

/** The verdict on an hour or day is one of these. */
export const verdict = ruleKind({
  name: 'verdict',
  options: {
    of,
    is: z
      .array(z.enum(['warning', 'critical'], 'must be warning or critical'), {
        error: 'must be a list of warning and critical',
      })
      .min(1, 'must not be empty')
      .default(['critical']),
  },
  question: ({ of: unit, is }) => ({
    sql: `
      SELECT sensor_id, value, verdict = ANY ($3::text[]) AS bad, NOT verdict = ANY ($3::text[]) AS fine
      FROM (${scores(unit)}) q CROSS JOIN LATERAL (SELECT gold.quality_verdict(value::numeric) AS verdict) v`,
    values: [is],
    summary: (sensor, value) => `${sensor}: the last ${unit} is ${is.join(' or ')} (score ${value})`,
  }),
});
