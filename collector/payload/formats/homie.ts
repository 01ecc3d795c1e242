import type { z } from 'zod';
import type { Micros } from '../../../base/time.ts';
import type { Decoder, Notes } from '../decoder.ts';
import type { Filter } from '../filter.ts';
import { type EntryContext, type Format, sensorOptions, valueOptions } from '../format.ts';
import { HomieProperties, type Property } from '../homie-properties.ts';
import type { Reading, Rejection } from '../reading.ts';
import { SensorNames } from '../sensor-names.ts';
import { NumberDecoder } from './number.ts';

const options = { ...sensorOptions, ...valueOptions };
type Options = z.output<z.ZodObject<typeof options>>;

/** Data types whose values are not numbers: a map may make some of them. */
const TEXTS = ['string', 'enum', 'color', 'datetime', 'duration', 'json'];

/**
 * The Homie convention: a topic for each property, whose payload is a number, a boolean or a text. What it is in stands in
 * other topics: `$unit`, `$datatype` and `$name` below it (version 4), or a `$description` of the device (version 5). That is
 * remembered, and noted beside each line when it is recorded.
 */
class HomieDecoder implements Decoder {
  readonly #filter: Filter;
  readonly #number: NumberDecoder;
  readonly #properties: HomieProperties;

  constructor(filter: Filter, number: NumberDecoder, properties: HomieProperties) {
    this.#filter = filter;
    this.#number = number;
    this.#properties = properties;
  }

  /** Notes: `unit`, `datatype` and `name`, as far as the device has said them. */
  annotate(topic: string, payload: Buffer): Notes | undefined {
    const attribute = attributeOf(topic);
    const device = this.#deviceOf(topic);
    if (attribute === '$description') this.#properties.describe(device, payload);
    else if (attribute !== undefined) this.#properties.say(parentOf(topic), attribute, payload);
    else return this.#properties.of(topic);
    return undefined;
  }

  decode(topic: string, payload: Buffer, arrival: Micros, notes?: Notes): readonly Reading[] | Rejection {
    if (attributeOf(topic) !== undefined) return [];
    const decoded = this.#number.decode(topic, payload, arrival, notes);
    const { datatype } = (notes ?? {}) as Property;
    // A text where the device says that it sends texts is not a mistake.
    const isText = typeof decoded === 'string' && datatype !== undefined && TEXTS.includes(datatype);
    return isText ? [] : decoded;
  }

  /** The topic of the device. */
  #deviceOf(topic: string): string {
    const at = this.#filter.names.get('device') ?? 0;
    return topic.split('/', at + 1).join('/');
  }
}

/** The attribute that a topic is of; undefined: it is that of a property, or of what devices count (`$stats/battery`). */
function attributeOf(topic: string): string | undefined {
  const last = topic.slice(topic.lastIndexOf('/') + 1);
  return last.startsWith('$') ? last : undefined;
}

function parentOf(topic: string): string {
  return topic.slice(0, topic.lastIndexOf('/'));
}

export const homie: Format = {
  name: 'homie',
  options,
  create(given: Options, context: EntryContext) {
    const names = SensorNames.of(given, '{topic}', context);
    if (!context.filter.names.has('device'))
      context.report(['filter'], 'must have a {device} level: homie/{device}/{node}/{property}');
    if (names === undefined) return undefined;
    const number = new NumberDecoder(given, names);
    return {
      decoder: new HomieDecoder(context.filter, number, new HomieProperties(context.memory)),
      hasOwnTime: false,
    };
  },
};
