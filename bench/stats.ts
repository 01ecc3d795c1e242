/** What several rounds of a measurement gave. */
export interface Spread {
  median: number;
  min: number;
  max: number;
  /** How many rounds. */
  rounds: number;
  /** Of two things that were measured in the same round; says the same on other machines. */
  isRatio?: true;
}

/** The value below which the fraction `p` (0 to 1) of the values lies: the nearest rank, always one of the values. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)];
  if (value === undefined) throw new RangeError('no values');
  return value;
}

/** The middle one of the values, or the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  if (sorted.length === 0) throw new RangeError('no values');
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** @throws {RangeError} where there are no values. */
export function spread(values: readonly number[]): Spread {
  return {
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    rounds: values.length,
  };
}

/** The ratios a/b of each round: what disturbs the machine for a while disturbs both sides of a round. */
export function ratios(a: readonly number[], b: readonly number[]): Spread {
  if (a.length !== b.length) throw new RangeError('a ratio needs both sides of each round');
  return { ...spread(a.map((value, round) => value / b[round]!)), isRatio: true };
}
