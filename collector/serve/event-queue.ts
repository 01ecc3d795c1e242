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
  #lost = 0;

  /** @param most events that may wait. */
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

  /** Counts events that nobody needs to make, as there is no room for them. */
  lose(count: number): void {
    this.#lost += count;
  }

  /** Everything that waits, as text of the event stream; empty where nothing does. */
  take(): string {
    let text = '';
    for (const { event, data } of this.#events) text += `event: ${event}\ndata: ${data}\n\n`;
    if (this.#lost > 0) text += `event: lost\ndata: {"count":${this.#lost}}\n\n`;
    this.#events = [];
    this.#lost = 0;
    return text;
  }
}
