/** Minutes become text in pieces of about this size. */
const PIECE_BYTES = 32 * 1024;
/**
 * Of so many sensors the last minute is remembered. Where more take turns, each brings a new minute mostly; one that is
 * there twice costs a row, and remembering all of them more.
 */
const MOST_SENSORS = 10_000;

/**
 * Minutes that the readings of a batch fall into, in COPY's text format for `sluice.stale_minute`, and the sensors among them that
 * nobody has seen. Those of a sensor come in order, mostly, so remembering its last one is enough.
 */
export class StaleMinutes {
  /** Sensors that are not known to be in silver.seen_sensor. */
  readonly unseen = new Set<string>();
  readonly #isSeen: (sensorId: string) => boolean;
  readonly #pieces: Buffer[] = [];
  #text = '';
  readonly #last = new Map<string, number>();
  #sensorId = '';
  #minute = 0;
  /** The last minute as ISO 8601. */
  #time = '';
  #timeOf = -1;

  constructor(isSeen: (sensorId: string) => boolean) {
    this.#isSeen = isSeen;
  }

  /** @param second since 1970. */
  add(sensorId: string, second: number): void {
    const minute = second - (second % 60);
    if (minute === this.#minute && sensorId === this.#sensorId) return;
    this.#minute = minute;
    this.#sensorId = sensorId;
    const last = this.#last.get(sensorId);
    if (last === minute) return;
    if (last === undefined) {
      if (!this.#isSeen(sensorId)) this.unseen.add(sensorId);
      if (this.#last.size >= MOST_SENSORS) this.#last.clear();
    }
    this.#last.set(sensorId, minute);
    if (minute !== this.#timeOf) this.#time = new Date(minute * 1000).toISOString();
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

  #cut(): void {
    if (this.#text.length > 0) this.#pieces.push(Buffer.from(this.#text));
    this.#text = '';
  }
}
