import { createRequire } from 'node:module';
import { z } from 'zod';
import type { Micros, Zone } from '../../../base/time.ts';
import type { Decoder } from '../decoder.ts';
import { type EntryContext, type Format, sensorOptions } from '../format.ts';
import { JsonataThread } from '../jsonata-thread.ts';
import { messageJson } from '../message-text.ts';
import type { Reading, Rejection } from '../reading.ts';
import { outcome, SensorNames } from '../sensor-names.ts';
import { readTime } from '../times.ts';

const options = {
  ...sensorOptions,
  expression: z
    .string({ error: 'must be a JSONata expression that gives {path, value, time, unit}, or a list of them' })
    .describe(
      'JSONata (docs.jsonata.org) that gives {path, value, time, unit} or a list of them; $topic is the topic.',
    ),
};
type Options = z.output<z.ZodObject<typeof options>>;

const MOST_READINGS = 10_000;

/** For the odd rest: an expression in JSONata that makes readings of a message. Slow: some 50 µs a message, up to 200 ms. */
class JsonataDecoder implements Decoder {
  readonly isSlow = true;
  readonly #names: SensorNames;
  readonly #expression: string;
  readonly #zone: Zone;
  readonly #thread = new JsonataThread();

  constructor(names: SensorNames, expression: string, zone: Zone) {
    this.#names = names;
    this.#expression = expression;
    this.#zone = zone;
  }

  close(): void {
    this.#thread.close();
  }

  decode(topic: string, payload: Buffer, arrival: Micros): readonly Reading[] | Rejection {
    const parsed = messageJson(payload);
    if (typeof parsed === 'string') return parsed;
    if (parsed === undefined) return [];
    const evaluated = this.#thread.evaluate(this.#expression, parsed.json, topic);
    if (evaluated === 'too slow') return 'the expression took longer than 200 ms';
    if (evaluated === 'failed') return 'the expression failed';
    const items = Array.isArray(evaluated.result) ? evaluated.result : [evaluated.result];
    if (items.length > MOST_READINGS) return `the expression gives more than ${MOST_READINGS} readings`;
    return outcome(items.map(item => this.#read(topic, parsed.json, item, arrival)));
  }

  #read(topic: string, payload: unknown, item: unknown, arrival: Micros): Reading {
    const {
      path = '',
      value,
      time: sent,
      unit,
    } = (typeof item === 'object' && item !== null ? item : {}) as Item;
    const time =
      sent === undefined || sent === null ? undefined : readTime(sent, 'auto', this.#zone, arrival);
    const filling = { path: String(path), payload, item };
    const said = typeof unit === 'string' ? { unit } : undefined;
    const at = typeof time === 'string' ? undefined : time;
    const reading = this.#names.reading(topic, filling, at, arrival, value, said);
    if (typeof time === 'string') reading.problem ??= time;
    return reading;
  }
}

interface Item {
  path?: unknown;
  value?: unknown;
  time?: unknown;
  unit?: unknown;
}

export const jsonata: Format = {
  name: 'jsonata',
  options,
  create(given: Options, context: EntryContext) {
    const names = SensorNames.of(given, '{topic}/{path}', context);
    try {
      // Loaded where it is needed, as few need it. It is parsed here, and evaluated in another thread only.
      const parse = createRequire(import.meta.url)('jsonata') as typeof import('jsonata');
      parse(given.expression);
    } catch (error) {
      context.report(['expression'], `must be JSONata: ${(error as { message?: string }).message ?? error}`);
      return undefined;
    }
    return names && { decoder: new JsonataDecoder(names, given.expression, context.zone), hasOwnTime: false };
  },
};
