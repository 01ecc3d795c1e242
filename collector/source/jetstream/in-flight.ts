import type { JsMsg } from '@nats-io/jetstream';
import type { Receipt } from '../sink.ts';

/** Messages that become durable together. */
interface Batch {
  receipt: Receipt;
  messages: JsMsg[];
}

/**
 * Messages that were handed to the recorder and are not acknowledged: when they are on disk they are, and where the disk
 * refuses them they are given back at once, for another member or for later.
 */
export class InFlight {
  readonly #batches = new Set<Batch>();
  #open: Batch | undefined;
  #last: Promise<unknown> = Promise.resolve();
  acknowledged = 0;

  add(message: JsMsg, receipt: Receipt): void {
    if (this.#open?.receipt !== receipt) {
      this.#open = { receipt, messages: [] };
      this.#settleWhenDurable(this.#open);
    }
    this.#open.messages.push(message);
  }

  /** Says of all of them that they are worked on, so that the server does not give them to another member. */
  extend(): void {
    for (const { messages } of this.#batches) for (const message of messages) message.working();
  }

  /** Resolves when everything that was added by now is acknowledged or given back. */
  async settled(): Promise<void> {
    await this.#open?.receipt.durable.catch(() => undefined);
    await this.#last;
  }

  #settleWhenDurable(batch: Batch): void {
    this.#batches.add(batch);
    this.#last = batch.receipt.durable.then(
      () => {
        for (const message of batch.messages) message.ack();
        this.acknowledged += batch.messages.length;
        this.#batches.delete(batch);
      },
      () => {
        for (const message of batch.messages) message.nak();
        this.#batches.delete(batch);
      },
    );
  }
}
