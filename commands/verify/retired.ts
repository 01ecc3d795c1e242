import type { ClientBase } from 'pg';
import { RawFileName, safeName } from '../../collector/bronze/raw-file-name.ts';
import { keyOfEntry, type LedgerEntry } from '../../collector/silver/ledger.ts';
import type { Difference } from './difference.ts';

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
  readonly #removed = new Set<string>();

  constructor(ledger: ReadonlyMap<string, LedgerEntry>) {
    for (const [path, { stored, removedAt }] of ledger) {
      const name = keyOfEntry(path);
      this.#stored.set(name, (this.#stored.get(name) ?? 0) + stored);
      if (removedAt !== undefined) this.#removed.add(name);
    }
  }

  /** Whether a file of this name was removed. */
  had(name: string): boolean {
    return this.#removed.has(name);
  }

  /** Whether a file of this sensor and day was removed, so that rows of silver may have no line. */
  explains(sensorId: string, day: Date): boolean {
    const name = RawFileName.ofReading(sensorId, day.getTime() * 1000);
    return this.#removed.has(name.key) || this.#removed.has(name.apart(sensorId).key);
  }

  /**
   * Compares how many rows silver has of the sensors and days of removed files with what the ledger has counted.
   * @param isAsked which files. Nobody else may have stored readings of them.
   */
  async differences(client: ClientBase, isAsked: (name: string) => boolean): Promise<Difference[]> {
    const asked = [...this.#removed].filter(isAsked).sort();
    const { rows: sensors } = await client.query<{ sensor_id: string }>(
      'SELECT sensor_id FROM silver.seen_sensor',
    );
    const sensorOf = new Map(sensors.map(({ sensor_id }) => [safeName(sensor_id), sensor_id]));
    const differences: Difference[] = [];
    for (const [day, names] of Map.groupBy(asked, name => RawFileName.ofKey(name)!.date)) {
      const { rows } = await client.query<{ sensor_id: string; count: string }>(
        `SELECT sensor_id, count(*) FROM silver.sensor_reading
         WHERE time >= $1 AND time < $1::timestamptz + INTERVAL '24 hours' AND sensor_id = ANY ($2::text[]) GROUP BY 1`,
        [
          `${day}T00:00:00Z`,
          names.map(name => sensorOf.get(RawFileName.ofKey(name)!.partition)).filter(id => id !== undefined),
        ],
      );
      const present = new Map(rows.map(({ sensor_id, count }) => [safeName(sensor_id), Number(count)]));
      for (const name of names) {
        const [stored, found] = [
          this.#stored.get(name) ?? 0,
          present.get(RawFileName.ofKey(name)!.partition) ?? 0,
        ];
        if (stored === found) continue;
        const what = `the file was removed as too old; ${stored} of its lines were stored, and silver has ${found} readings of its sensor and day`;
        differences.push({ kind: 'removed_file', file: name, what });
      }
    }
    return differences;
  }
}
