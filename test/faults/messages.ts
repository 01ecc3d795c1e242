import { random } from '../../generator/random.ts';

/** What a publication is: a reading as it should be, or one of what real sensors send as well. */
export const messageKinds = [
  'reading',
  'repeat',
  'conflict',
  'out_of_range',
  'unknown_sensor',
  'hour_late',
  'year_late',
  'midnight',
  'malformed',
  'no_number',
  'envelope',
] as const;

type MessageKind = (typeof messageKinds)[number];

/** A publication of the run. */
export interface Message {
  kind: MessageKind;
  topic: string;
  payload: Buffer;
  /** The publication whose payload this is: its own number, of a repeat that of the repeated one. */
  original: number;
  /** The raw file that its line belongs to; undefined where it is no reading and belongs to the rejected ones, and of envelopes. */
  file: string | undefined;
  /** Whether it is recorded as it came: it has no time of its own, and its line belongs to a file of its topic or hour of arrival. */
  isEnvelope: boolean;
  /** Its hour, `2025-11-12T10`: where files are by hour, that of the file. */
  hour: string | undefined;
}

/** What the publications of a run are made from. */
export interface Sequence {
  seed: number;
  sensors: number;
  beginMs: number;
  rate: number;
  envelopes: boolean;
}

interface Key {
  sensor: string;
  /** µs since 1970. */
  time: number;
}

/** Each of the faulty kinds has this share. */
const SHARE = 0.025;
/** Repeats and conflicts refer to one of this many publications before them. */
const LOOK_BACK = 20_000;
/** Topics of messages without a time of their own. */
const ENVELOPE_TOPICS = 3;
const HOUR = 3_600_000_000;
const DAY = 24 * HOUR;

export const leastValue = 0;
export const greatestValue = 45;

/**
 * The publications of a run. Each is a function of the seed and its number alone, so that what was sent need not be
 * kept: it is made again for the comparison. Every payload names its number as `"n":`.
 */
export class Messages {
  readonly #seed: number;
  readonly #sensors: number;
  readonly #beginMs: number;
  readonly #stepMicros: number;
  readonly #envelopes: boolean;

  /**
   * @param beginMs time of the first reading, ms since 1970.
   * @param rate publications a second: their times advance as the clock does.
   * @param envelopes whether there are messages without a time of their own.
   */
  constructor({ seed, sensors, beginMs, rate, envelopes }: Sequence) {
    this.#seed = seed;
    this.#sensors = sensors;
    this.#beginMs = beginMs;
    this.#envelopes = envelopes;
    this.#stepMicros = Math.max(1, Math.round(1e6 / rate));
  }

  /** The registry that the kinds are made for, as `SENSORS_FILE` wants it. */
  registry(): string {
    const rows = Array.from(
      { length: this.#sensors },
      (_, index) => `Sensor ${index + 1},temperature,°C,Hall,${leastValue},${greatestValue}`,
    );
    return `sensor_id,quantity,unit,location,min_value,max_value\n${rows.join('\n')}\n`;
  }

  at(n: number): Message {
    const kind = this.#kindAt(n);
    if (kind === 'repeat') return { ...this.at(this.#earlier(n)), kind };
    if (kind === 'envelope') {
      const payload = Buffer.from(JSON.stringify({ v: this.#valueAt(n, kind), n }));
      const topic = `plain/${(n % ENVELOPE_TOPICS) + 1}`;
      return { kind, topic, payload, original: n, file: undefined, hour: undefined, isEnvelope: true };
    }
    const isEnvelope = false;
    const topic = `sensors/${(n % this.#sensors) + 1}`;
    const key = this.#keyAt(n);
    if (kind === 'malformed') {
      const payload = this.#malformed(n, key);
      return { kind, topic, payload, original: n, file: undefined, hour: undefined, isEnvelope };
    }
    const fields = { id: key.sensor, dt: isoMicros(key.time), value: this.#valueAt(n, kind), n };
    const file = `${fields.dt.slice(0, 10)}_${key.sensor.replaceAll(' ', '_')}.jsonl`;
    const hour = fields.dt.slice(0, 13);
    return { kind, topic, payload: Buffer.from(JSON.stringify(fields)), original: n, file, hour, isEnvelope };
  }

  #kindAt(n: number): MessageKind {
    const share = Math.floor(random(this.#seed, n, 0) / SHARE);
    const kind = messageKinds[share + 1] ?? 'reading';
    if (n === 0 && (kind === 'repeat' || kind === 'conflict')) return 'reading';
    return kind === 'envelope' && !this.#envelopes ? 'reading' : kind;
  }

  #earlier(n: number): number {
    return n - 1 - Math.floor(random(this.#seed, n, 1) * Math.min(n, LOOK_BACK));
  }

  #keyAt(n: number): Key {
    const kind = this.#kindAt(n);
    if (kind === 'conflict' || kind === 'repeat') return this.#keyAt(this.#earlier(n));
    const sensor =
      kind === 'unknown_sensor' ? `Stranger ${(n % 3) + 1}` : `Sensor ${(n % this.#sensors) + 1}`;
    const now = this.#beginMs * 1000 + n * this.#stepMicros;
    if (kind === 'hour_late') return { sensor, time: now - HOUR };
    if (kind === 'year_late') return { sensor, time: now - 365 * DAY };
    if (kind === 'midnight') {
      const midnight = Math.floor((this.#beginMs * 1000) / DAY) * DAY;
      return { sensor, time: n % 2 === 0 ? midnight + n : midnight - n };
    }
    return { sensor, time: now };
  }

  #valueAt(n: number, kind: MessageKind): unknown {
    const drawn = random(this.#seed, n, 2);
    // Thousandths, so that a conflict hardly ever has the value of the reading that it conflicts with.
    const plausible = Math.round((leastValue + drawn * (greatestValue - leastValue)) * 1000) / 1000;
    if (kind === 'out_of_range') return drawn < 0.5 ? leastValue - 1 - drawn : greatestValue + 1e6 * drawn;
    if (kind === 'no_number') return [null, 'warm', String(plausible), { celsius: 1 }][Math.floor(drawn * 4)];
    return plausible;
  }

  #malformed(n: number, { sensor, time }: Key): Buffer {
    const dt = isoMicros(time);
    const variants = [
      `{"n":${n},"id":"${sensor}","dt":"${dt}","val`,
      `{"n":${n},"id":"${sensor}","value":12}`,
      `{"n":${n},"id":"${sensor}","dt":"${dt.replace(/^\d{4}/, '1970')}","value":12}`,
      `{"n":${n},"dt":"${dt}","value":12}`,
      `"n":${n}, \xff\xfe, not even text`,
    ];
    const index = Math.floor(random(this.#seed, n, 3) * variants.length);
    return Buffer.from(variants[index]!, 'latin1');
  }
}

/** The number that a payload names; undefined where it names none. */
export function numberIn(payload: Buffer): number | undefined {
  const at = payload.lastIndexOf('"n":');
  const digits = at < 0 ? undefined : /^\d+/.exec(payload.toString('latin1', at + 4, at + 14))?.[0];
  return digits === undefined ? undefined : Number(digits);
}

function isoMicros(time: number): string {
  const ms = Math.floor(time / 1000);
  return new Date(ms).toISOString().replace('Z', `${String(time - ms * 1000).padStart(3, '0')}Z`);
}
