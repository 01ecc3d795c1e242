import type { Config } from '../../base/config.ts';
import type { OutletEntry } from './outlets-schema.ts';

/** What the outlets' thread is started with. */
export interface OutletsData {
  config: Config;
  collector: string;
  /** `Topics.text`. */
  topics: string;
  outlets: readonly OutletEntry[];
}

/** From the collector to the outlets' thread. */
export type ToOutlets =
  /** Raw files, and up to which byte they are loaded now. */
  | { type: 'loaded'; files: readonly (readonly [path: string, bytes: number])[] }
  | { type: 'refreshed' }
  /** Finish what is on its way, and end. */
  | { type: 'stop' };

/** From the outlets' thread to the collector. */
export type FromOutlets =
  | { type: 'status'; outlets: OutletStatus[] }
  | { type: 'log'; level: 'info' | 'warn' | 'error'; fields: object; message: string };

/** How an outlet is. */
export interface OutletStatus {
  name: string;
  kind: string;
  /** Whether it delivers, and why not. */
  connection: { connected: true } | { connected: false; since: string; reason: string };
  /** Confirmed by the consumer since the outlet was made. */
  sent: number;
  /** Lines (or means) that were forgotten before they could be sent, since then. */
  skipped: number;
  /** Messages that the consumer has refused, since then: dead letters. */
  refused: number;
  /** What waits to be sent, in `unit`. */
  waiting: number;
  unit: 'bytes' | 'means';
  /** Seconds for which something has waited, without anything being confirmed. */
  stalledSeconds: number;
}
