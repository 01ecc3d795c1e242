import type { z } from 'zod';
import type { Micros } from '../../../base/time.ts';
import type { Decoder, Notes } from '../decoder.ts';
import { type EntryContext, type Format, flag, sensorOptions, valueOptions } from '../format.ts';
import { messageText } from '../message-text.ts';
import type { Reading, Rejection } from '../reading.ts';
import { type Said, SensorNames } from '../sensor-names.ts';
import { convert, numberIn } from '../value.ts';

const options = {
  ...sensorOptions,
  ...valueOptions,
  unit_suffix: flag(
    'A unit may follow the number: 21.5 °C. It is the sensor’s unit, unless the entry names one.',
  ),
  skip_text: flag('A text that is not a number holds no reading, rather than being refused.'),
};
type Options = z.output<z.ZodObject<typeof options>>;

/** What stands for "no value" with many devices; each is a reason of its own, so that it can be counted. */
const NOTHINGS = ['nan', 'unavailable', 'unknown', 'none', 'null', 'undefined', 'inf', '-inf'];
const withUnit = /^([+-]?[\d.]+(?:[eE][+-]?\d{1,3})?)\s*([^\d\s.+-]\S{0,19})$/;

/** A number as plain text: `21.38`. Its sensor follows from the topic, its time is that of its arrival. */
export class NumberDecoder implements Decoder {
  readonly #options: Options;
  readonly #names: SensorNames;

  constructor(options: Options, names: SensorNames) {
    this.#options = options;
    this.#names = names;
  }

  /** @param notes what other messages have said of the sensor: `unit` and `name`. */
  decode(topic: string, payload: Buffer, arrival: Micros, notes?: Notes): readonly Reading[] | Rejection {
    const message = messageText(payload);
    if (typeof message === 'string') return message;
    const text = message.text.trim();
    // What clears a retained message.
    if (text === '') return [];
    const read = this.#read(text);
    if (typeof read === 'string') return this.#options.skip_text ? [] : read;
    const said = read.unit === undefined ? saidIn(notes) : { unit: read.unit };
    const reading = this.#names.reading(topic, { path: '' }, undefined, arrival, read.value, said);
    return reading.problem ?? [reading];
  }

  #read(text: string): { value: number; unit?: string } | Rejection {
    const mapped = this.#options.map && convert(text, { map: this.#options.map });
    if (typeof mapped === 'number') return { value: mapped };
    const number = numberIn(text);
    if (number !== undefined) return { value: convert(number, this.#options) as number };
    const [, digits, unit] = (this.#options.unit_suffix && text.length < 100 && withUnit.exec(text)) || [];
    const before = digits === undefined ? undefined : numberIn(digits);
    if (before !== undefined) return { value: convert(before, this.#options) as number, unit: unit! };
    const nothing = text.toLowerCase();
    return NOTHINGS.includes(nothing) ? `not a number: ${nothing}` : 'not a number';
  }
}

function saidIn(notes: Notes | undefined): Said | undefined {
  if (notes === undefined) return undefined;
  const { unit, name } = notes;
  return { ...(typeof unit === 'string' && { unit }), ...(typeof name === 'string' && { name }) };
}

export const number: Format = {
  name: 'number',
  options,
  create(given: Options, context: EntryContext) {
    const names = SensorNames.of(given, '{topic}', context);
    return names && { decoder: new NumberDecoder(given, names), hasOwnTime: false };
  },
};
