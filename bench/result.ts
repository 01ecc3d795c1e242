import type { Spread } from './stats.ts';

/** A column of a part's table. */
interface Column {
  title: string;
  /** Decimals of the numbers below it. */
  digits?: number;
}

/** What a part of the benchmark found. */
export interface PartResult {
  title: string;
  /** What was done, in a few sentences, with the sizes of this run. */
  method: string;
  columns: Column[];
  rows: (string | Spread)[][];
  /** What the targets look at, by name. */
  figures: Record<string, Spread>;
  /** Every single measurement. */
  rounds: unknown;
}
