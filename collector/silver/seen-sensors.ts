import type { ClientBase } from 'pg';

/** Ids that somebody makes up endlessly must not fill the memory. */
const MOST_SENSORS = 250_000;

/** The sensors that silver.seen_sensor is known to have, so that it is written only for new ones. */
export class SeenSensors {
  readonly #known = new Set<string>();

  /** Whether a sensor is known to be there. */
  has(sensorId: string): boolean {
    return this.#known.has(sensorId);
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
      for (const id of ids) this.#known.add(id);
    };
  }
}
