import type { ClientBase } from 'pg';
import { RawFileName, safeName } from '../../collector/bronze/raw-file-name.ts';
import { keyOfEntry, type LedgerEntry } from '../../collector/silver/ledger.ts';
import type { Difference } from './difference.ts';
import { Layouts } from './layouts.ts';

/** What is not there any more because the settings say so. */
export interface Retirement {
  /** Raw files that were removed (RAW_RETENTION_DAYS), and the lines that were loaded of them. */
  removed: { files: number; lines: number };
  /** Raw files whose readings silver does not keep (SILVER_RETENTION_DAYS): of days before `before`, where that is known. */
  forgotten: { files: number; lines: number; before: string | null };
}

/**
 * Raw files that were removed on purpose: the ledger names them. Their lines cannot be compared any more; how many readings
 * they brought can.
 */
export class RemovedFiles {
  /** Readings that the ledger has counted, by the name of the file and of all that had it. */
  readonly #stored = new Map<string, number>();
  readonly #removed = new Map<string, RawFileName>();
  /** UTC dates of files of hours that were removed. */
  readonly #hours = new Set<string>();
  /** The newest date of removed files of messages as they came, which may have had any reading from before; '' where none was removed. */
  #messages = '';
  readonly #layouts: Layouts;

  constructor(ledger: ReadonlyMap<string, LedgerEntry>) {
    this.#layouts = new Layouts([...ledger.keys()].map(keyOfEntry));
    for (const [path, { stored, removedAt }] of ledger) {
      const key = keyOfEntry(path);
      this.#stored.set(key, (this.#stored.get(key) ?? 0) + stored);
      const name = RawFileName.ofKey(key);
      if (removedAt === undefined || name === undefined) continue;
      this.#removed.set(key, name);
      if (name.holdsEnvelopes) {
        if (name.date > this.#messages) this.#messages = name.date;
      } else if (name.isOfHour) this.#hours.add(name.date);
    }
  }

  /** Whether a file of this name was removed. */
  had(name: string): boolean {
    return this.#removed.has(name);
  }

  /** Whether a file that may have had readings of this sensor and day was removed, so that rows of silver may have no line. */
  explains(sensorId: string, day: Date): boolean {
    const name = RawFileName.ofReading(sensorId, day.getTime() * 1000);
    if (this.#hours.has(name.date) || name.date <= this.#messages) return true;
    return this.#removed.has(name.key) || this.#removed.has(name.apart(sensorId).key);
  }

  /**
   * Compares how many rows silver has of the sensors and days, or of the hours, of removed files with what the ledger has
   * counted. Where other files may have brought some of the same, it can only have lost some.
   * @param isAsked which files. Nobody else may have stored readings of them.
   */
  async differences(client: ClientBase, isAsked: (name: string) => boolean): Promise<Difference[]> {
    const asked = [...this.#removed.values()]
      .filter(name => !name.holdsEnvelopes && isAsked(name.key))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    const { rows: sensors } = await client.query<{ sensor_id: string }>(
      'SELECT sensor_id FROM silver.seen_sensor',
    );
    const sensorOf = new Map(sensors.map(({ sensor_id }) => [safeName(sensor_id), sensor_id]));
    const differences: Difference[] = [];
    for (const [date, names] of Map.groupBy(asked, ({ date }) => date)) {
      const { rows } = await client.query<{ sensor_id: string; count: string }>(
        `SELECT sensor_id, count(*) FROM silver.sensor_reading
         WHERE time >= $1 AND time < $1::timestamptz + INTERVAL '24 hours' AND sensor_id = ANY ($2::text[]) GROUP BY 1`,
        [
          `${date}T00:00:00Z`,
          names.map(({ partition }) => sensorOf.get(partition)).filter(id => id !== undefined),
        ],
      );
      const present = new Map(rows.map(({ sensor_id, count }) => [safeName(sensor_id), Number(count)]));
      for (const name of names) {
        const found = name.isOfHour ? await readingsOfHour(client, name) : (present.get(name.partition) ?? 0);
        const difference = this.#difference(name, found);
        if (difference !== undefined) differences.push(difference);
      }
    }
    return differences;
  }

  #difference(name: RawFileName, found: number): Difference | undefined {
    const stored = this.#stored.get(name.key) ?? 0;
    const isAlone = name.isOfHour
      ? this.#layouts.hoursAreAlone(name.date)
      : !this.#layouts.areMixed(name.date);
    if (isAlone ? found === stored : found >= stored) return undefined;
    const whose = name.isOfHour ? 'hour' : 'sensor and day';
    const what = `the file was removed as too old; ${stored} of its lines were stored, and silver has ${found} readings of its ${whose}`;
    return { kind: 'removed_file', file: name.key, what };
  }
}

async function readingsOfHour(client: ClientBase, { begin, end }: RawFileName): Promise<number> {
  const { rows } = await client.query<{ count: string }>(
    'SELECT count(*) FROM silver.sensor_reading WHERE time >= to_timestamp($1) AND time < to_timestamp($2)',
    [begin, end],
  );
  return Number(rows[0]!.count);
}
