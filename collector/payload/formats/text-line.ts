import type { Micros } from '../../../base/time.ts';
import type { Decoder } from '../decoder.ts';
import type { Reading, Rejection } from '../reading.ts';
import { messageOf } from '../text-lines.ts';

/** A line of `POST /data`: `1649941817 Voltage 1.34`. It is recorded as the message that a sensor would have sent. */
export class TextLineDecoder implements Decoder {
  readonly #message: Decoder;

  /** @param message decodes the message that a line becomes. */
  constructor(message: Decoder) {
    this.#message = message;
  }

  decode(topic: string, payload: Buffer, arrival: Micros): readonly Reading[] | Rejection {
    const message = messageOf(payload);
    return typeof message === 'string' ? message : this.#message.decode(topic, message, arrival);
  }
}
