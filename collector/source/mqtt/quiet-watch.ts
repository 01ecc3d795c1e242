import type { Logger } from 'pino';

/** A new subscription that brings nothing for this long may be one that the broker grants and does not serve. */
const QUIET_MS = 10 * 60_000;

/**
 * Says when a subscription brings nothing from its beginning on: Mosquitto grants what its access list does not let us
 * read, and brokers without shared subscriptions grant those.
 */
export class QuietWatch implements Disposable {
  readonly #received: () => number;
  readonly #before: number;
  readonly #timer: NodeJS.Timeout;
  #text: string | undefined;

  /** @param received how many messages have come since the start. @param ms how long to wait for the first one. */
  constructor(topics: readonly string[], received: () => number, log: Logger, ms = QUIET_MS) {
    this.#received = received;
    this.#before = received();
    this.#timer = setTimeout(() => {
      this.#text =
        `nothing has arrived since we subscribed to ${topics.join(', ')}: no device has sent anything, or the broker ` +
        'does not let this user read these topics (some grant the subscription all the same)';
      if (this.warning !== undefined) log.warn(this.warning);
    }, ms).unref();
  }

  /** What seems wrong, for a person; undefined once something has arrived. */
  get warning(): string | undefined {
    return this.#received() > this.#before ? undefined : this.#text;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
