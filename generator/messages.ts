import { FaultTour } from './fault-tour.ts';
import { encode, type FaultKind, Faults, type Reading } from './faults.ts';
import { powerSensors } from './power.ts';
import { Temperature } from './temperature.ts';

/**
 * How much older than its message the reading is that a sensor had kept for a while: more than the default of LATE_MINUTES, and
 * between two ticks, so that it is not another reading.
 */
const KEPT_MS = 6 * 60_000 + 500;

/** What is published, and what it is: a reading as it should be, or which fault. */
export interface Message {
  topic: string;
  payload: Buffer;
  kind: 'reading' | FaultKind;
}

/**
 * What the sensors of one run send, tick by tick: `{"id": "Sensor 1", "dt": …, "value": …}` on `sensors/1`, and so on.
 * All readings of a tick have its time. The same seed, ticks and times give the same messages.
 */
export class MessageSequence {
  readonly #temperatures: Temperature[];
  readonly #seed: number;
  readonly #faults: Faults | undefined;
  readonly #tour: FaultTour;
  readonly #power: boolean;
  /** Late messages by the tick at which they are sent. */
  readonly #held = new Map<number, Message[]>();

  /** @param sensors how many; they are numbered from 1. @param power also those of a cabinet, one of voltage and one of current. */
  constructor({
    seed,
    sensors,
    faults,
    power = false,
  }: {
    seed: number;
    sensors: number;
    faults: boolean;
    power?: boolean;
  }) {
    this.#seed = seed;
    this.#power = power;
    this.#tour = new FaultTour(sensors);
    this.#temperatures = Array.from({ length: sensors }, (_, index) => new Temperature(seed, index + 1));
    this.#faults = faults ? new Faults(seed) : undefined;
  }

  /**
   * The messages of one tick, in the order of the sensors; after them, what was held back until now.
   * @param tick greater than that of the call before. One that is left out takes its readings with it, not the late ones
   *   that were due at it.
   * @param timeMs the tick's time, in whole ms since 1970.
   */
  at(tick: number, timeMs: number): Message[] {
    const dt = new Date(timeMs).toISOString();
    const messages: Message[] = [];
    const due = this.#faults && this.#tour.at(timeMs);
    this.#temperatures.forEach((temperature, index) => {
      const sensor = index + 1;
      const reading = { id: `Sensor ${sensor}`, dt, value: temperature.at(timeMs) };
      const isDue = due?.sensor === sensor;
      // A reading that is held back is seen after minutes only; one that was kept shows at once what late means.
      if (isDue && due.kind === 'late') messages.push(this.#kept(temperature, sensor, timeMs));
      const fault = isDue && due.kind !== 'late' ? due.kind : this.#faults?.kindAt(sensor, timeMs);
      if (fault === undefined) messages.push(messageOf(sensor, reading, 'reading'));
      else messages.push(...this.#faulty(fault, this.#faults!, sensor, tick, timeMs, reading));
    });
    if (this.#power) messages.push(...this.#powerAt(dt, timeMs));
    return messages.concat(this.#releaseHeld(tick));
  }

  #powerAt(dt: string, timeMs: number): Message[] {
    return powerSensors.map(({ id, topic, at }) => {
      const payload = encode({ id, dt, value: at(this.#seed, timeMs) });
      return { topic, payload, kind: 'reading' };
    });
  }

  /** A reading of minutes ago, which comes only now. */
  #kept(temperature: Temperature, sensor: number, timeMs: number): Message {
    const time = timeMs - KEPT_MS;
    const dt = new Date(time).toISOString();
    return messageOf(sensor, { id: `Sensor ${sensor}`, dt, value: temperature.at(time) }, 'late');
  }

  /** What is sent at once in place of a reading that a fault befalls. */
  #faulty(
    kind: FaultKind,
    faults: Faults,
    sensor: number,
    tick: number,
    timeMs: number,
    reading: Reading,
  ): Message[] {
    switch (kind) {
      case 'late':
        this.#hold(tick + faults.delayAt(sensor, timeMs), messageOf(sensor, reading, kind));
        return [];
      case 'repeated':
        return [messageOf(sensor, reading, 'reading'), messageOf(sensor, reading, kind)];
      case 'out_of_range':
        return [messageOf(sensor, { ...reading, value: faults.valueAt(sensor, timeMs) }, kind)];
      case 'unknown_sensor':
        return [messageOf(sensor, { ...reading, id: `Unregistered ${sensor}` }, kind)];
      case 'malformed':
        return [{ topic: topicOf(sensor), payload: faults.malformedAt(sensor, timeMs, reading), kind }];
    }
  }

  #hold(tick: number, message: Message): void {
    const held = this.#held.get(tick);
    if (held === undefined) this.#held.set(tick, [message]);
    else held.push(message);
  }

  #releaseHeld(tick: number): Message[] {
    const released: Message[] = [];
    for (const [due, messages] of this.#held) {
      if (due > tick) continue;
      released.push(...messages);
      this.#held.delete(due);
    }
    return released;
  }
}

function messageOf(sensor: number, reading: Reading, kind: Message['kind']): Message {
  return { topic: topicOf(sensor), payload: encode(reading), kind };
}

function topicOf(sensor: number): string {
  return `sensors/${sensor}`;
}
