import { LRUCache } from 'lru-cache';
import type { Micros } from '../../base/time.ts';
import { AHEAD_S } from '../bronze/clock-watch.ts';
import type { Quality } from '../silver/registry.ts';

/** Of as many sensors the last reading is remembered. */
const MOST_SENSORS = 20_000;
const MINUTE: Micros = 60_000_000;
/** An older reading says nothing about how fast a value has changed; as in gold/quality-flags.ts. */
const DAY: Micros = 24 * 60 * MINUTE;

/** What the registry says of a sensor. */
export interface Limits {
  min: number | null;
  max: number | null;
  maxStepPerS: number | null;
}

/** What is said of a reading at once; silver says the same, and the last word, a little later. */
export interface Judgement {
  /** null: the registry has not been read yet. */
  quality: Quality | null;
  late: boolean;
  jump: boolean;
}

interface Last {
  time: Micros;
  value: number;
}

/**
 * Judges readings the moment they come, for those who look on. It knows of a sensor what it has seen since it began: a
 * reading that only older ones make late or a jump is not known to be so until the database has judged it.
 */
export class LiveJudge {
  readonly #lateMicros: Micros;
  readonly #now: () => number;
  #registry: ReadonlyMap<string, Limits> | undefined;
  readonly #newest = new LRUCache<string, Micros>({ max: MOST_SENSORS });
  /** The last valid readings. */
  readonly #last = new LRUCache<string, Last>({ max: MOST_SENSORS });

  /** @param now the clock, in ms since 1970. */
  constructor(lateMinutes: number, now = Date.now) {
    this.#now = now;
    this.#lateMicros = lateMinutes * MINUTE;
  }

  /** Takes the registry as it stands now. */
  learn(registry: ReadonlyMap<string, Limits>): void {
    this.#registry = registry;
  }

  /** In the order in which readings come. */
  judge(sensorId: string, time: Micros, value: number): Judgement {
    const limits = this.#registry?.get(sensorId);
    const quality = this.#registry === undefined ? null : qualityOf(limits, value);
    const newest = this.#newest.get(sensorId) ?? time;
    if (time >= newest && time <= (this.#now() + AHEAD_S * 1000) * 1000) this.#newest.set(sensorId, time);
    const last = this.#last.get(sensorId);
    if (quality === 'valid' && (last === undefined || time > last.time))
      this.#last.set(sensorId, { time, value });
    return {
      quality,
      late: newest - time > this.#lateMicros,
      jump: isJump(last, { time, value }, limits?.maxStepPerS ?? null),
    };
  }
}

function qualityOf(limits: Limits | undefined, value: number): Quality {
  if (limits === undefined) return 'unknown_sensor';
  const { min, max } = limits;
  return (min !== null && value < min) || (max !== null && value > max) ? 'out_of_range' : 'valid';
}

function isJump(last: Last | undefined, { time, value }: Last, maxStepPerS: number | null): boolean {
  if (last === undefined || maxStepPerS === null || time <= last.time || time - last.time > DAY) return false;
  const allowed = maxStepPerS * ((time - last.time) / 1e6);
  // The difference of two doubles may exceed that of the numbers they were written as by their last bit.
  return Math.abs(value - last.value) > allowed + 1e-9 * Math.max(Math.abs(value), Math.abs(last.value));
}
