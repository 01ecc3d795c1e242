import type { SeenSensors } from './seen-sensors.ts';

/** Minutes become text in pieces of about this size. */
const PIECE_BYTES = 32 * 1024;

/**
 * Minutes that the readings of a batch fall into, in COPY's text format for `sluice.stale_minute`, and the sensors among them that
 * nobody has seen. Those of a sensor come in order, mostly, so remembering its last one is enough: a minute that is there twice
 * costs a row. It is remembered with the sensors that are known anyway, as 100,000 of them in a table for each batch
 * would cost more than their readings.
 */
export class StaleMinutes {
  /** Sensors that are not known to be in silver.seen_sensor, each with its last minute. */
  readonly #unseen = new Map<string, number>();
  readonly #seen: SeenSensors;
  readonly #batch: number;
  readonly #pieces: Buffer[] = [];
  #text = '';
  #sensorId = '';
  #minute = 0;
  /** The last minute as ISO 8601. */
  #time = '';
  #timeOf = -1;

  constructor(seen: SeenSensors) {
    this.#seen = seen;
    this.#batch = seen.begin();
  }

  /** @param second since 1970. */
  add(sensorId: string, second: number): void {
    const minute = Math.floor(second / 60);
    if (minute === this.#minute && sensorId === this.#sensorId) return;
    this.#minute = minute;
    this.#sensorId = sensorId;
    if (this.#has(sensorId, minute)) return;
    if (minute !== this.#timeOf) this.#time = new Date(minute * 60_000).toISOString();
    this.#timeOf = minute;
    const id = sensorId.includes('\\') ? sensorId.replaceAll('\\', '\\\\') : sensorId;
    this.#text += `${this.#time}\t${id}\n`;
    if (this.#text.length >= PIECE_BYTES) this.#cut();
  }

  /** The rows, once all are there. */
  get rows(): readonly Buffer[] {
    this.#cut();
    return this.#pieces;
  }

  /** Sensors that are not known to be in silver.seen_sensor. */
  get unseen(): Iterable<string> {
    return this.#unseen.keys();
  }

  /** Whether the minute is the last one of its sensor in this batch; from now on it is. */
  #has(sensorId: string, minute: number): boolean {
    const known = this.#seen.get(sensorId);
    if (known === undefined) {
      if (this.#unseen.get(sensorId) === minute) return true;
      this.#unseen.set(sensorId, minute);
      return false;
    }
    if (known.batch === this.#batch && known.minute === minute) return true;
    known.batch = this.#batch;
    known.minute = minute;
    return false;
  }

  #cut(): void {
    if (this.#text.length > 0) this.#pieces.push(Buffer.from(this.#text));
    this.#text = '';
  }
}
