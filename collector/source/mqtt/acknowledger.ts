import type { Logger } from 'pino';
import { type Delivery, packetIdOf, qosOf } from '../delivery.ts';
import type { Receipt } from '../sink.ts';
import { Acknowledgements } from './acknowledgements.ts';
import type { MqttConnection } from './mqtt-connection.ts';

/** What a receipt has of one connection: the messages to acknowledge when they are on disk. */
interface Unacknowledged {
  receipt: Receipt;
  connection: MqttConnection;
  acknowledgements: Acknowledgements;
  /** Messages of QoS 0, which nobody sends again. */
  unprotected: number;
}

/**
 * Acknowledges messages when they are on disk, those of a group by one write, in the order of receipt [MQTT-4.6.0-2]. Where
 * the disk refuses a group its connection is dropped: the broker keeps what we cannot, and sends it again.
 */
export class Acknowledger {
  readonly #log: Logger;
  #open: Unacknowledged | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #warnedOfQos0 = false;
  readonly counts = { acknowledged: 0, lost: 0 };

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Notes that a message was handed to the recorder. */
  note(receipt: Receipt, delivery: Delivery, topic: Buffer, connection: MqttConnection): void {
    let open = this.#open;
    if (open === undefined || open.receipt !== receipt || open.connection !== connection) {
      open = { receipt, connection, acknowledgements: new Acknowledgements(), unprotected: 0 };
      this.#open = open;
      this.#acknowledgeWhenDurable(open);
    }
    const id = packetIdOf(delivery);
    if (id !== 0) open.acknowledgements.add(id, qosOf(delivery));
    else this.#noteUnprotected(open, topic);
  }

  /** A connection is gone: packet identifiers of it mean nothing any more. */
  forget(): void {
    this.#open = undefined;
  }

  /** Resolves when everything that is recorded by now is acknowledged. */
  async settled(): Promise<void> {
    await this.#open?.receipt.durable.catch(() => undefined);
    await this.#last;
  }

  #noteUnprotected(open: Unacknowledged, topic: Buffer): void {
    open.unprotected++;
    if (this.#warnedOfQos0) return;
    this.#warnedOfQos0 = true;
    this.#log.warn(
      { topic: topic.toString() },
      'messages arrive with QoS 0: nothing protects them on their way. Publish with QoS 1',
    );
  }

  #acknowledgeWhenDurable(open: Unacknowledged): void {
    const { receipt, connection, acknowledgements } = open;
    // Groups become durable in their order, so the last acknowledgement comes after all the others.
    this.#last = receipt.durable.then(
      async () => {
        await connection.acknowledge(acknowledgements);
        this.counts.acknowledged += acknowledgements.count;
      },
      () => {
        connection.drop();
        this.counts.lost += open.unprotected;
        if (open.unprotected > 0) {
          this.#log.error(
            { messages: open.unprotected },
            'messages of QoS 0 are lost: nobody sends them again',
          );
        }
      },
    );
  }
}
