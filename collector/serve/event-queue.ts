/** An event as server-sent events have it: the name, and the data as JSON on one line. */
export interface StreamEvent {
  event: string;
  data: string;
}

/**
 * What waits for one client. It is bounded: a client that does not keep up loses the events that no longer fit, and is
 * told how many in an event `lost`, in the place where they are missing.
 */
export class EventQueue {
  readonly #most: number;
  #events: StreamEvent[] = [];
  /** Events of which only the last one of each key is of interest. */
  #latest = new Map<string, StreamEvent>();
  #lost = 0;

  /** @param most events that may wait, besides those with a key. */
  constructor(most: number) {
    this.#most = most;
  }

  /** How many more events fit. */
  get room(): number {
    return this.#lost > 0 ? 0 : this.#most - this.#events.length;
  }

  /** Queues an event, or counts it as lost. Once one is lost, all are, until what waits is taken. */
  add(event: StreamEvent): void {
    if (this.room > 0) this.#events.push(event);
    else this.#lost++;
  }

  /** Queues an event in the place of the one of this key that waits. None is lost: there are no more than keys. */
  replace(key: string, event: StreamEvent): void {
    this.#latest.set(key, event);
  }

  /** Counts events that nobody needs to make, as there is no room for them. */
  lose(count: number): void {
    this.#lost += count;
  }

  /** Everything that waits, as text of the event stream; empty where nothing does. */
  take(): string {
    let text = '';
    for (const event of this.#events) text += textOf(event);
    if (this.#lost > 0) text += textOf({ event: 'lost', data: `{"count":${this.#lost}}` });
    for (const event of this.#latest.values()) text += textOf(event);
    this.#events = [];
    this.#latest.clear();
    this.#lost = 0;
    return text;
  }
}

const textOf = ({ event, data }: StreamEvent) => `event: ${event}\ndata: ${data}\n\n`;
