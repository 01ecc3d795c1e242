import { RawFileName } from '../../collector/bronze/raw-file-name.ts';

/**
 * Of which dates there are files of sensors, of hours, or of both: where RAW_PARTITION was changed on a day, a reading that
 * was sent twice may stand in a file of each kind, and neither alone says which of them was stored.
 */
export class Layouts {
  readonly #sensors = new Set<string>();
  readonly #hours = new Set<string>();
  #hasMessages = false;
  /** A sensor and day may have several files. */
  #hasOthers = false;

  /** @param keys of the ledger. */
  constructor(keys: Iterable<string>) {
    for (const key of keys) {
      const name = RawFileName.ofKey(key);
      if (name === undefined || name.holdsEnvelopes) {
        this.#hasMessages = true;
        continue;
      }
      if (name.owner !== name.partition) this.#hasOthers = true;
      (name.isOfHour ? this.#hours : this.#sensors).add(name.date);
    }
  }

  /** Whether a message of a topic may have brought what is a duplicate in a file of a sensor or hour. */
  get hasMessages(): boolean {
    return this.#hasMessages;
  }

  /** Whether all readings of a sensor and day are in one file: none is of messages or hours, or beside another one by its hash. */
  get areOneFileEach(): boolean {
    return !this.#hasMessages && this.#hours.size === 0 && !this.#hasOthers;
  }

  /** Whether there are files of both kinds of a date. */
  areMixed(date: string): boolean {
    return this.#sensors.has(date) && this.#hours.has(date);
  }

  /** Whether only files of hours can have brought readings of a date. */
  hoursAreAlone(date: string): boolean {
    return !this.#hasMessages && !this.#sensors.has(date);
  }
}
