import { isUtf8 } from 'node:buffer';
import { type Micros, parseTime, type Zone } from '../../../base/time.ts';
import { commonForm } from '../canonical.ts';
import type { Decoder } from '../decoder.ts';
import { plainText } from '../plain-text.ts';
import {
  idProblem,
  MAX_PAYLOAD_BYTES,
  MAX_SENT_ID,
  type Reading,
  type Rejection,
  timeProblem,
} from '../reading.ts';
import { isoProblem } from '../times.ts';

/**
 * The message that Sluice's own sensors send: `{"id": "Sensor 1", "dt": "2025-11-12T10:15:01.000Z", "value": 25}`.
 * One reading, recorded as it stands; further fields are kept in the raw file, and not looked at.
 */
export class SluiceDecoder implements Decoder {
  readonly #zone: Zone;
  readonly common = commonForm;

  /** @param zone of a dt that names no offset. */
  constructor(zone: Zone) {
    this.#zone = zone;
  }

  decode(_topic: string, payload: Buffer, arrival: Micros): readonly [Reading] | Rejection {
    if (payload.length > MAX_PAYLOAD_BYTES) return `larger than ${MAX_PAYLOAD_BYTES} bytes`;
    if (!isUtf8(payload)) return 'not UTF-8';
    const reading = this.#read(plainText(payload), arrival);
    return typeof reading === 'string' ? reading : [reading];
  }

  #read(text: string, arrival: Micros): Reading | Rejection {
    if (text === '') return 'empty';
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      return 'not JSON';
    }
    if (typeof message !== 'object' || message === null || Array.isArray(message)) return 'not a JSON object';
    const { id, dt, value } = message as { id?: unknown; dt?: unknown; value?: unknown };
    if (id === undefined || id === null) return 'id is missing';
    if (typeof id !== 'string') return 'id is not a string';
    const wrongId = idProblem(id, MAX_SENT_ID);
    if (wrongId !== undefined) return wrongId;
    if (dt === undefined || dt === null) return 'dt is missing';
    if (typeof dt !== 'string') return 'dt is not a string';
    const time = parseTime(dt, this.#zone);
    if (time === undefined) return isoProblem('dt', dt);
    return timeProblem(time, arrival) ?? { sensorId: id, time, value };
  }
}
