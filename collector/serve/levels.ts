/** Tables by the same periods. */
export interface Level {
  /** Seconds that a row stands for. */
  seconds: number;
  means: string;
  /** Counts of what was not valid, by the same periods. */
  quality: string;
}

/** What gold has, from fine to coarse. */
export const LEVELS = {
  '1m': {
    seconds: 60,
    means: 'gold.reading_1min_mean',
    quality: 'gold.data_quality_1min',
  },
  '1h': {
    seconds: 3600,
    means: 'gold.hourly_mean',
    quality: 'gold.data_quality_hourly',
  },
  '1d': {
    seconds: 86_400,
    means: 'gold.daily_mean',
    quality: 'gold.data_quality_daily',
  },
} satisfies Record<string, Level>;
