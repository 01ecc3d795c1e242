import type { ClientBase } from 'pg';

/** Ids that somebody makes up endlessly must not fill the memory. */
const MOST_SENSORS = 250_000;

/** A sensor that silver.seen_sensor has. */
export interface SeenSensor {
  /** The last batch that had a reading of it, and the minute of that reading. For `StaleMinutes`. */
  batch: number;
  minute: number;
}

/** The sensors that silver.seen_sensor is known to have, so that it is written only for new ones. */
export class SeenSensors {
  readonly #known = new Map<string, SeenSensor>();
  #batches = 0;

  /** @param known those that are there for sure. */
  constructor(known: Iterable<string> = []) {
    for (const id of known) this.#add(id);
  }

  /** Begins a batch. @returns its number. */
  begin(): number {
    return ++this.#batches;
  }

  /** A sensor that is known to be there. */
  get(sensorId: string): SeenSensor | undefined {
    return this.#known.get(sensorId);
  }

  /**
   * Inserts sensors in the transaction of their rows.
   * @returns what is to be called when it has committed; before that they do not count as known.
   */
  async insert(client: ClientBase, sensorIds: Iterable<string>): Promise<() => void> {
    const fresh = new Set<string>();
    for (const id of sensorIds) if (!this.#known.has(id)) fresh.add(id);
    if (fresh.size === 0) return () => undefined;
    // A copy: a part of a text would keep the whole of it in memory. Sorted, so that two loaders do not deadlock.
    const ids = [...fresh].map(id => Buffer.from(id).toString()).sort();
    await client.query(
      'INSERT INTO silver.seen_sensor (sensor_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING',
      [ids],
    );
    return () => {
      if (this.#known.size + ids.length > MOST_SENSORS) this.#known.clear();
      for (const id of ids) this.#add(id);
    };
  }

  #add(sensorId: string): void {
    this.#known.set(sensorId, { batch: 0, minute: 0 });
  }
}
