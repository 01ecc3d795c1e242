/** A table of means, and how it says which period a row is of. */
export interface Level {
  /** Seconds that a row stands for. */
  seconds: number;
  means: string;
  /** Counts of what was not valid, by the same periods. */
  quality: string;
  /** SQL: the beginning of the period as a timestamptz; the column itself, for conditions that an index serves. */
  start: string;
  column: string;
}

const byBucket = { start: 'bucket', column: 'bucket' };

/** What gold has, from fine to coarse. A day's bucket is a date. */
export const LEVELS = {
  '1m': {
    seconds: 60,
    means: 'gold.reading_1min_mean',
    quality: 'gold.data_quality_1min',
    ...byBucket,
  },
  '1h': {
    seconds: 3600,
    means: 'gold.hourly_mean',
    quality: 'gold.data_quality_hourly',
    ...byBucket,
  },
  '1d': {
    seconds: 86_400,
    means: 'gold.daily_mean',
    quality: 'gold.data_quality_daily',
    start: `day::timestamp AT TIME ZONE 'UTC'`,
    column: 'day',
  },
} satisfies Record<string, Level>;
