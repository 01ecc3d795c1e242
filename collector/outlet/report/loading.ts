/** With more than this to load, readings of the day may be among it. */
const BACKLOG_BYTES = 1_048_576;
/** A backlog that never ends must not put off a report for ever. */
const PUT_OFF_CHECKS = 60;

/** What there is to know of the loader. */
export interface LoaderState {
  database: { connected: boolean };
  pendingBytes: number;
}

/** Whether the readings of a day that is over can be taken for loaded. */
export class Loading {
  readonly #loader: () => LoaderState;
  #putOff = 0;

  constructor(loader: () => LoaderState) {
    this.#loader = loader;
  }

  /** Whether a report has to wait; asked once a minute. The loader tells of a database that is away. */
  mustWait(): boolean {
    const { database, pendingBytes } = this.#loader();
    if (!database.connected) return true;
    return pendingBytes > BACKLOG_BYTES && ++this.#putOff < PUT_OFF_CHECKS;
  }

  /** A report was made: the next one may wait anew. */
  done(): void {
    this.#putOff = 0;
  }
}
