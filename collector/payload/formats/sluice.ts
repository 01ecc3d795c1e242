import { z } from 'zod';
import type { Micros, Zone } from '../../../base/time.ts';
import type { Decoder } from '../decoder.ts';
import { type EntryContext, type Format, flag } from '../format.ts';
import { messageText, parseJson } from '../message-text.ts';
import { idProblem, MAX_MADE_ID, type Reading, type Rejection, timeProblem } from '../reading.ts';
import { outcome } from '../sensor-names.ts';
import { SluiceDecoder } from '../sluice-decoder.ts';
import { readTime } from '../times.ts';

const options = {
  missing_dt: z
    .literal('arrival', { error: 'must be arrival, or left out' })
    .optional()
    .describe('arrival: a message without dt has the time at which it came.'),
  numeric_ids: flag('An id may be a number.'),
  unix_dt: flag('dt may be a Unix time in s, ms, us or ns.'),
  arrays: flag('A message may be an array of such objects.'),
  ndjson: flag('A message may hold several lines of JSON.'),
};
type Options = z.output<z.ZodObject<typeof options>>;

/** Messages that are not quite of the form, by an entry's options. They are recorded in envelopes. */
class LooseSluiceDecoder implements Decoder {
  readonly #options: Options;
  readonly #zone: Zone;

  constructor(options: Options, zone: Zone) {
    this.#options = options;
    this.#zone = zone;
  }

  decode(_topic: string, payload: Buffer, arrival: Micros): readonly Reading[] | Rejection {
    const message = messageText(payload);
    if (typeof message === 'string') return message;
    const texts = this.#options.ndjson
      ? message.text.split('\n').filter(line => line.trim() !== '')
      : [message.text];
    if (message.text === '') return [];
    return outcome(texts.flatMap(text => this.#readText(text, arrival)));
  }

  #readText(text: string, arrival: Micros): Reading[] {
    const parsed = parseJson(text);
    if (typeof parsed === 'string') return [wrong('', parsed, arrival)];
    if (!Array.isArray(parsed.json)) return [this.#read(parsed.json, arrival)];
    if (!this.#options.arrays) return [wrong('', 'not a JSON object', arrival)];
    return parsed.json.map(item => this.#read(item, arrival));
  }

  #read(message: unknown, arrival: Micros): Reading {
    if (typeof message !== 'object' || message === null || Array.isArray(message)) {
      return wrong('', 'not a JSON object', arrival);
    }
    const { id: sent, dt, value } = message as { id?: unknown; dt?: unknown; value?: unknown };
    const id = typeof sent === 'number' && this.#options.numeric_ids ? String(sent) : sent;
    if (id === undefined || id === null) return wrong('', 'id is missing', arrival);
    if (typeof id !== 'string') return wrong('', 'id is not a string', arrival);
    const wrongId = idProblem(id, MAX_MADE_ID);
    if (wrongId !== undefined) return wrong('', wrongId, arrival);
    if (dt === undefined || dt === null) {
      if (this.#options.missing_dt === undefined) return wrong(id, 'dt is missing', arrival);
      return { sensorId: id, time: arrival, value, isArrival: true };
    }
    const time = readTime(dt, this.#options.unix_dt ? 'auto' : 'iso', this.#zone, arrival);
    if (typeof time === 'string') return wrong(id, time.replace('time', 'dt'), arrival);
    const problem = timeProblem(time, arrival);
    return { sensorId: id, time, value, ...(problem !== undefined && { problem }) };
  }
}

/** A part of a message that cannot be stored. */
function wrong(sensorId: string, problem: Rejection, arrival: Micros): Reading {
  return { sensorId, problem, time: arrival, value: undefined };
}

/** `format: sluice`, which an entry without a format has, too. */
export const sluice: Format = {
  name: 'sluice',
  options,
  create(given: Options, { zone, plainZone }: EntryContext) {
    const isPlain = !Object.values(given).some(value => value !== undefined && value !== false);
    const hasOwnTime = given.missing_dt === undefined;
    return isPlain
      ? { decoder: new SluiceDecoder(plainZone), hasOwnTime, isPlain }
      : { decoder: new LooseSluiceDecoder(given, zone), hasOwnTime };
  },
};
