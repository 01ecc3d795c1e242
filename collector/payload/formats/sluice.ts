import { z } from 'zod';
import type { Micros, Zone } from '../../../base/time.ts';
import { BoundIds, FOREIGN_ID, idsOption } from '../bound-ids.ts';
import { type Decoder, UNKNOWN_ARRIVAL } from '../decoder.ts';
import { type EntryContext, type Format, flag } from '../format.ts';
import { messageText, parseJson } from '../message-text.ts';
import { idProblem, MAX_MADE_ID, type Reading, type Rejection, timeProblem } from '../reading.ts';
import { outcome } from '../sensor-names.ts';
import { SluiceDecoder } from '../sluice-decoder.ts';
import { readTime } from '../times.ts';

/**
 * Plain messages whose ids are bound to their topics. They are recorded as any others: that one comes by the wrong topic can
 * only be told when it comes. It has no common form, as that says nothing of the topic.
 */
class BoundSluiceDecoder implements Decoder {
  readonly #plain: SluiceDecoder;
  readonly #ids: BoundIds;

  constructor(plain: SluiceDecoder, ids: BoundIds) {
    this.#plain = plain;
    this.#ids = ids;
  }

  decode(topic: string, payload: Buffer, arrival: Micros): readonly [Reading] | Rejection {
    // First whose it is: what is ahead of a wrong clock is decided again, and without its topic.
    const readings = this.#plain.decode(topic, payload, UNKNOWN_ARRIVAL);
    if (typeof readings !== 'string' && !this.#ids.allows(topic, readings[0].sensorId)) return FOREIGN_ID;
    return this.#plain.decode(topic, payload, arrival);
  }
}

const options = {
  ids: idsOption,
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
  readonly #ids: BoundIds | undefined;
  readonly #zone: Zone;

  constructor(options: Options, ids: BoundIds | undefined, zone: Zone) {
    this.#options = options;
    this.#ids = ids;
    this.#zone = zone;
  }

  decode(topic: string, payload: Buffer, arrival: Micros): readonly Reading[] | Rejection {
    const message = messageText(payload);
    if (typeof message === 'string') return message;
    const texts = this.#options.ndjson
      ? message.text.split('\n').filter(line => line.trim() !== '')
      : [message.text];
    if (message.text === '') return [];
    return outcome(texts.flatMap(text => this.#readText(topic, text, arrival)));
  }

  #readText(topic: string, text: string, arrival: Micros): Reading[] {
    const parsed = parseJson(text);
    if (typeof parsed === 'string') return [wrong('', parsed, arrival)];
    if (!Array.isArray(parsed.json)) return [this.#read(topic, parsed.json, arrival)];
    if (!this.#options.arrays) return [wrong('', 'not a JSON object', arrival)];
    return parsed.json.map(item => this.#read(topic, item, arrival));
  }

  #read(topic: string, message: unknown, arrival: Micros): Reading {
    if (typeof message !== 'object' || message === null || Array.isArray(message)) {
      return wrong('', 'not a JSON object', arrival);
    }
    const { id: sent, dt, value } = message as { id?: unknown; dt?: unknown; value?: unknown };
    const id = typeof sent === 'number' && this.#options.numeric_ids ? String(sent) : sent;
    if (id === undefined || id === null) return wrong('', 'id is missing', arrival);
    if (typeof id !== 'string') return wrong('', 'id is not a string', arrival);
    const wrongId = idProblem(id, MAX_MADE_ID);
    if (wrongId !== undefined) return wrong('', wrongId, arrival);
    if (this.#ids?.allows(topic, id) === false) return wrong('', FOREIGN_ID, arrival);
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
  create(given: Options, context: EntryContext) {
    const { zone, plainZone } = context;
    const { ids: bound, ...loose } = given;
    const ids = BoundIds.of(bound, context);
    const isPlain = !Object.values(loose).some(value => value !== undefined && value !== false);
    const hasOwnTime = given.missing_dt === undefined;
    if (!isPlain) return { decoder: new LooseSluiceDecoder(given, ids, zone), hasOwnTime };
    const plain = new SluiceDecoder(plainZone);
    const decoder = ids === undefined ? plain : new BoundSluiceDecoder(plain, ids);
    return { decoder, hasOwnTime, isPlain };
  },
};
