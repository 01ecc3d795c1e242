import { random } from './random.ts';

/** What real sensors send now and then, besides their readings. */
export const faultKinds = ['late', 'repeated', 'out_of_range', 'unknown_sensor', 'malformed'] as const;
export type FaultKind = (typeof faultKinds)[number];

/** What a message says, in the order of its fields. */
export interface Reading {
  id: string;
  /** ISO 8601 with ms, UTC. */
  dt: string;
  value: number;
}

/** One reading in fifty: five sensors with a reading a second show a fault every ten seconds, each kind within minutes. */
const FAULT_SHARE = 0.02;

// Past a minute, so that late readings also reach minutes whose mean has been computed.
const SHORTEST_DELAY = 2;
const LONGEST_DELAY = 90;

/** In °C: what a DS18B20 says before its first conversion, and what its driver says when the wire is off. */
const impossibleValues = [85, -127];

/** Beyond the coordinates that temperature.ts uses for a sensor. */
const use = { kind: 100, delay: 101, value: 102, malformation: 103, length: 104 };

const malformations: ((reading: Reading, part: number) => Buffer)[] = [
  function truncated(reading, part) {
    const whole = encode(reading);
    return whole.subarray(0, 1 + Math.floor(part * (whole.length - 1)));
  },
  function withoutTime({ id, value }) {
    return encode({ id, value });
  },
  function valueAsText({ id, dt, value }) {
    return encode({ id, dt, value: value.toFixed(2) });
  },
  function notANumber({ id, dt }) {
    return Buffer.from(`{"id":${JSON.stringify(id)},"dt":"${dt}","value":NaN}`);
  },
  function empty() {
    return Buffer.alloc(0);
  },
  function latin1(reading) {
    return Buffer.from(JSON.stringify({ ...reading, unit: '°C' }), 'latin1');
  },
];

/** The payload of a message: compact JSON in UTF-8. */
export function encode(fields: object): Buffer {
  return Buffer.from(JSON.stringify(fields));
}

/**
 * The faults of one run. Each is a function of the seed, the sensor and the time of the reading that it befalls, so that
 * it changes no other message.
 */
export class Faults {
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** @returns undefined for most readings: they are sent as they are. */
  kindAt(sensor: number, timeMs: number): FaultKind | undefined {
    const u = random(this.#seed, sensor, use.kind, timeMs);
    return faultKinds[Math.floor((u / FAULT_SHARE) * faultKinds.length)];
  }

  /** How many readings later than its time a late one is sent. */
  delayAt(sensor: number, timeMs: number): number {
    const u = random(this.#seed, sensor, use.delay, timeMs);
    return SHORTEST_DELAY + Math.floor(u * (LONGEST_DELAY - SHORTEST_DELAY + 1));
  }

  /** A value in °C that no air has. */
  valueAt(sensor: number, timeMs: number): number {
    const u = random(this.#seed, sensor, use.value, timeMs);
    return impossibleValues[Math.floor(u * impossibleValues.length)]!;
  }

  /** A payload that was to be `reading`, and cannot be stored. */
  malformedAt(sensor: number, timeMs: number, reading: Reading): Buffer {
    const u = random(this.#seed, sensor, use.malformation, timeMs);
    const part = random(this.#seed, sensor, use.length, timeMs);
    return malformations[Math.floor(u * malformations.length)]!(reading, part);
  }
}
