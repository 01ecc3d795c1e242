/** Connections that live this long show that nobody fights for the session. */
const STEADY_MS = 60_000;
/** Points after which we leave the session to the other client: three takeovers that are reported, or six that are suspected. */
const MOST_POINTS = 6;

/** How a connection ended: the broker reported a takeover, it closed without a reason, or something else happened. */
export type Ending = 'taken over' | 'silent' | 'other';

/**
 * Notices that another client with our client id takes the session over, again and again.
 *
 * MQTT 5 has a reason code for it, which not every broker sends (Mosquitto 2.0 does not), and 3.1.1 has none: the broker
 * just closes. One such end says nothing; a row of them, each soon after a connection that the broker had accepted at
 * once, looks like nothing else. A broker in trouble refuses connections in between, and that ends the row.
 */
export class Takeovers {
  #points = 0;

  /** A connection ended after `livedMs`. */
  ended(how: Ending, livedMs: number): void {
    if (livedMs >= STEADY_MS || how === 'other') this.#points = 0;
    if (how !== 'other') this.#points += how === 'taken over' ? 2 : 1;
  }

  /** The broker could not be reached, or refused us. */
  failed(): void {
    this.#points = 0;
  }

  /** Whether it has happened too often to go on. */
  get tooMany(): boolean {
    return this.#points >= MOST_POINTS;
  }
}
