/** The version byte of CONNECT: 4 is MQTT 3.1.1, 5 is MQTT 5 [MQTT-3.1.2-1]. */
export type ProtocolVersion = 4 | 5;

/** Why a broker did not take us: it refused the version, closed without an answer, or something else. */
export type Refusal = 'version' | 'silent' | 'other';

/**
 * Which version of MQTT to ask a broker for.
 *
 * MQTT 5 first: with it we say how many messages may be in flight and how long the session is kept. A broker that does not
 * speak it should say so; RabbitMQ 3.10 and others of its age close the connection instead. So does a broker that is just
 * stopping, a proxy without a backend, or one with too many clients, and it would be a loss to stay with 3.1.1 because of
 * them. Hence these states:
 *
 * *Asking* for 5. When the connection closes without an answer: *suspecting*, 3.1.1 is tried. If it is accepted, it is left
 * at once for *confirming*, where 5 is asked for once more; closed without an answer again, the broker is *known* to speak
 * 3.1.1 only. A refusal that names the version is enough to know. *Settled* is one connection with 3.1.1 to a broker that is
 * known: after it 5 is asked for again, as brokers are upgraded, and one silent close is enough to come back.
 */
export class ProtocolChoice {
  readonly #setting: 'auto' | ProtocolVersion;
  #state: 'asking' | 'suspecting' | 'confirming' | 'settled' = 'asking';
  #known = false;

  /** @param setting MQTT_PROTOCOL; other values than `auto` are used whatever happens. */
  constructor(setting: 'auto' | ProtocolVersion) {
    this.#setting = setting;
  }

  /** What to ask for at the next connection. */
  get next(): ProtocolVersion {
    if (this.#setting !== 'auto') return this.#setting;
    return this.#state === 'suspecting' || this.#state === 'settled' ? 4 : 5;
  }

  /** Whether the broker is known not to speak MQTT 5. */
  get isKnown(): boolean {
    return this.#known;
  }

  /**
   * The broker has accepted a connection.
   * @returns whether to stay; else it is to be closed at once, and the next one made.
   */
  accepted(): boolean {
    if (this.#state === 'suspecting') {
      this.#state = 'confirming';
      return false;
    }
    if (this.#state !== 'settled') this.#known = false;
    return true;
  }

  /**
   * The broker has not accepted a connection.
   * @returns whether there is reason to try again at once, with another version.
   */
  refused(how: Refusal): boolean {
    if (this.#setting !== 'auto') return false;
    const asked = this.next;
    const isSaid = asked === 5 && how === 'version';
    const isShown = asked === 5 && how === 'silent' && (this.#known || this.#state === 'confirming');
    if (isSaid || isShown) {
      this.#known = true;
      this.#state = 'settled';
    } else if (asked === 5 && how === 'silent') {
      this.#state = 'suspecting';
    } else {
      this.#state = 'asking';
    }
    // From 3.1.1 back to 5 there is no hurry: nobody has answered.
    return asked === 5 && this.next === 4;
  }

  /** A connection on which we stayed is gone. */
  ended(): void {
    this.#state = 'asking';
  }
}
