import type { ClientBase } from 'pg';
import { utcDate } from '../../base/time.ts';
import { RawFileName } from '../../collector/bronze/raw-file-name.ts';
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
  /** Their dates and owners. */
  readonly #owners = new Set<string>();
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
      this.#owners.add(`${name.date} ${name.owner}`);
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
    const time = day.getTime() * 1000;
    const date = utcDate(time);
    if (this.#hours.has(date) || date <= this.#messages) return true;
    return RawFileName.ownersOf(sensorId).some(owner => this.#owners.has(`${date} ${owner}`));
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
    const sensorOf = new Map(
      sensors.flatMap(({ sensor_id }) => RawFileName.ownersOf(sensor_id).map(owner => [owner, sensor_id])),
    );
    /** A sensor may have two files of a day, where names that differ by case are one. */
    const ofOne = (name: RawFileName) =>
      name.isOfHour ? name.key : `${name.date} ${sensorOf.get(name.owner) ?? name.owner}`;
    const stillThere = new Set(
      [...this.#stored.keys()]
        .filter(key => !this.#removed.has(key))
        .flatMap(key => RawFileName.ofKey(key) ?? [])
        .map(ofOne),
    );
    const differences: Difference[] = [];
    for (const [date, names] of Map.groupBy(asked, ({ date }) => date)) {
      const ids = names.map(({ owner }) => sensorOf.get(owner)).filter(id => id !== undefined);
      const present = await readingsByDay(client, date, ids);
      for (const [whose, files] of Map.groupBy(names, ofOne)) {
        const [name] = files as [RawFileName];
        const found = name.isOfHour
          ? await readingsOfHour(client, name)
          : (present.get(sensorOf.get(name.owner) ?? '') ?? 0);
        const difference = this.#difference(files, found, stillThere.has(whose));
        if (difference !== undefined) differences.push(difference);
      }
    }
    return differences;
  }

  /** @param files of one sensor and day, or the one of an hour. @param hasOther whether there is another one that was not removed. */
  #difference(files: RawFileName[], found: number, hasOther: boolean): Difference | undefined {
    const [name] = files as [RawFileName];
    const stored = files.reduce((sum, { key }) => sum + (this.#stored.get(key) ?? 0), 0);
    const isOnly = name.isOfHour
      ? this.#layouts.hoursAreAlone(name.date)
      : !this.#layouts.areMixed(name.date);
    if (isOnly && !hasOther ? found === stored : found >= stored) return undefined;
    const whose = name.isOfHour ? 'hour' : 'sensor and day';
    const what = `the file was removed as too old; ${stored} of its lines were stored, and silver has ${found} readings of its ${whose}`;
    return { kind: 'removed_file', file: name.key, what };
  }
}

/** How many readings silver has of a UTC date, by sensor. */
async function readingsByDay(client: ClientBase, date: string, ids: string[]): Promise<Map<string, number>> {
  const { rows } = await client.query<{ sensor_id: string; count: string }>(
    `SELECT sensor_id, count(*) FROM silver.sensor_reading
     WHERE time >= $1 AND time < $1::timestamptz + INTERVAL '24 hours' AND sensor_id = ANY ($2::text[]) GROUP BY 1`,
    [`${date}T00:00:00Z`, ids],
  );
  return new Map(rows.map(({ sensor_id, count }) => [sensor_id, Number(count)]));
}

async function readingsOfHour(client: ClientBase, { begin, end }: RawFileName): Promise<number> {
  const { rows } = await client.query<{ count: string }>(
    'SELECT count(*) FROM silver.sensor_reading WHERE time >= to_timestamp($1) AND time < to_timestamp($2)',
    [begin, end],
  );
  return Number(rows[0]!.count);
}
