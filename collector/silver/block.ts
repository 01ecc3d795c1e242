import type { Watermark } from '../bronze/watermark.ts';

/** Whole lines of one file, as they stand there from byte `start` on. */
export interface Block {
  file: string;
  start: number;
  bytes: Buffer;
  /** Tells which of the lines are late. When they are stored it stands behind them. */
  watermark: Watermark;
}
