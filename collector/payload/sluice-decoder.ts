import { type Micros, parseTime, type Zone } from '../../base/time.ts';
import { commonForm } from './canonical.ts';
import type { Decoder } from './decoder.ts';
import { messageText, parseJson } from './message-text.ts';
import { idProblem, isoProblem, MAX_SENT_ID, type Reading, type Rejection, timeProblem } from './reading.ts';

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
    const message = messageText(payload);
    if (typeof message === 'string') return message;
    if (message.text === '') return 'empty';
    const parsed = parseJson(message.text);
    if (typeof parsed === 'string') return parsed;
    const reading = this.#read(parsed.json, arrival);
    return typeof reading === 'string' ? reading : [reading];
  }

  #read(message: unknown, arrival: Micros): Reading | Rejection {
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
