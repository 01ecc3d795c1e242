import type { Programs } from './programs.ts';

/** What every part of the benchmark works with. */
export interface Bench {
  /** A temporary folder, removed at the end. */
  folder: string;
  programs: Programs;
  /** A PostgreSQL database whose user may create others. */
  serverUrl: string;
  /** Aborted when the benchmark is to stop. */
  signal: AbortSignal;
  print(line: string): void;
}
