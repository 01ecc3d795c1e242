import { AHEAD_S } from './clock-watch.ts';
import type { RawFileName } from './raw-file-name.ts';

/** What has been recorded of one sensor. */
export interface SensorState {
  /** Where it has, or had, readings in files of hours: its id. */
  id: string | undefined;
  /** The newest second (since 1970) of what this recorder was given; at first what is known of `found` and `ofHours`. */
  newest: number;
  /** The newest second that stood in its own files before; while `unread` is set only the day is right, not the time. */
  found: number;
  /** The raw file of that day. */
  unread: RawFileName | undefined;
  /** The begin of that day, where all of the file turned out to have been ahead of the clock: nothing is known then. */
  wrong?: number;
  /** The newest second that stood in files of hours before: its own files do not show what came after that. */
  ofHours: number;
  /** The last of its partitions where files are by hour, the present one first. */
  recent: readonly Partition[];
}

/** Where readings of one sensor go: a raw file of its own, of one day; or its part of the file of an hour. */
export interface Partition {
  /** Below the data folder. */
  file: string;
  sensor: SensorState;
  /** Its id, where the file has others beside it. */
  sensorId: string | undefined;
  /** The second (since 1970) at which its day begins. */
  day: number;
  /** The second at which its day or hour is over. */
  end: number;
  /** By the last mark beside the file, readings before this second are late. */
  lateBefore: number;
  /** By the last such mark, readings after this second were ahead of the clock; `UNKNOWN`: it has not been read. */
  aheadOf: number;
}

/** Of `Partition.aheadOf`. Less than every second: what is ahead of it is asked about. */
export const UNKNOWN = Number.NEGATIVE_INFINITY;
/** Of `Partition.aheadOf`: nothing was ahead of the clock. */
export const NOTHING = Number.POSITIVE_INFINITY;

/** A sensor of which nothing is known. */
export function newSensorState(): SensorState {
  return { id: undefined, newest: -1, found: -1, unread: undefined, ofHours: -1, recent: [] };
}

/**
 * Whether a reading is ahead of the clock, and the mark that it needs, where those before do not say so. What follows a
 * reading that was ahead needs to be less far ahead: a sensor on the verge would need a mark every time.
 */
export function compareWithClock(
  partition: Partition,
  second: number,
  clock: number,
): { isAhead: boolean; aheadOf: number | undefined } {
  // In the file of an hour each late line has a mark.
  if (partition.sensorId !== undefined) return { isAhead: second > clock + AHEAD_S, aheadOf: undefined };
  const saidAhead = partition.aheadOf !== UNKNOWN && second > partition.aheadOf;
  const isAhead = second > clock + (saidAhead ? AHEAD_S / 2 : AHEAD_S);
  if (isAhead === saidAhead && partition.aheadOf !== UNKNOWN) return { isAhead, aheadOf: undefined };
  partition.aheadOf = isAhead ? clock + AHEAD_S : NOTHING;
  return { isAhead, aheadOf: partition.aheadOf };
}
