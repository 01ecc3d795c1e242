import type { Config } from '../../base/config.ts';
import type { Durable } from '../bronze/group-writer.ts';
import type { EntryCount } from '../payload/entry-counts.ts';
import type { Counters } from './counters.ts';
import type { Writer } from './ledger.ts';
import type { Sensor } from './registry.ts';

/** What the loader's thread is started with. */
export interface LoaderData {
  config: Config;
  collector: string;
  /** What the topics file says, presets written out: `Topics.text`. */
  topics: string;
  sensors: Sensor[];
  /** Who loads; undefined: nobody asks. */
  writer?: Writer | undefined;
}

/** What may change of it; what is undefined has not. */
export type Reloaded = Partial<Pick<LoaderData, 'topics' | 'sensors'>>;

/** From the collector to the loader's thread. */
export type ToLoader =
  | { type: 'durable'; files: readonly Durable[] }
  /** The answer to `sizes`: some raw files and up to where they are durable; undefined: there are no more. */
  | { type: 'sizes'; page: Map<string, number> | undefined }
  /** What was read again while the collector runs: for the next batch. */
  | ({ type: 'reload' } & Reloaded)
  /** Load what is pending without waiting for full batches, then answer `drained`. */
  | { type: 'drain' };

/** From the loader's thread to the collector. */
export type FromLoader =
  /** Asks for the next raw files; `anew`: for the first ones. */
  | { type: 'sizes'; anew: boolean }
  /** `heardBytes`: how many have become durable, as far as the thread has heard since it began. */
  | { type: 'status'; status: LoaderStatus; heardBytes: number }
  | ({ type: 'batch' } & StoredBatch)
  | { type: 'drained' }
  /** A line for the log, which is the collector's. */
  | { type: 'log'; level: 'info' | 'warn' | 'error'; fields: object; message: string };

/** A batch that is committed. */
export interface StoredBatch {
  lines: number;
  seconds: number;
  /** Its raw files, each with the byte up to which it is loaded now. */
  files: readonly (readonly [file: string, bytes: number])[];
  /** Lines, and readings of such, that cannot be stored. */
  refused: readonly EntryCount[];
}

export interface LoaderStatus {
  database: { connected: true } | { connected: false; since: string; reason: string };
  /** Raw files that cannot be read at present, or whose lines are lost, and why the first of them is so. */
  unreadable: { files: number; first: string | undefined };
  /** Durable bytes that are not loaded. */
  pendingBytes: number;
  /** What this thread has loaded since it began. */
  loaded: Counters;
}

/** What loading needs of a log; pino has it. */
export interface LoaderLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
