import type { z } from 'zod';
import type { Micros } from '../../../base/time.ts';
import type { Decoder } from '../decoder.ts';
import { type EntryContext, type Format, sensorOptions, valueOptions } from '../format.ts';
import { messageJson } from '../message-text.ts';
import type { Reading, Rejection } from '../reading.ts';
import { outcome, SensorNames } from '../sensor-names.ts';
import { convert } from '../value.ts';

const options = { ...sensorOptions, ...valueOptions };
type Options = z.output<z.ZodObject<typeof options>>;

/** RFC 8428, section 4.5.3: smaller times are relative to now. */
const RELATIVE_BELOW_S = 2 ** 28;
/** RFC 8428, section 4.4: this version of SenML. */
const VERSION = 10;

/** What a record says, as it stands there. */
type Entry = Readonly<Record<string, unknown>>;

/** What earlier records set for those that follow (section 4.1). */
interface Base {
  name: string;
  time: number;
  unit: string | undefined;
  value: number;
  sum: number;
}

/** SenML in JSON, RFC 8428: an array of records with base values, relative times and units. */
class SenmlDecoder implements Decoder {
  readonly #names: SensorNames;
  readonly #options: Options;

  constructor(names: SensorNames, options: Options) {
    this.#names = names;
    this.#options = options;
  }

  decode(topic: string, payload: Buffer, arrival: Micros): readonly Reading[] | Rejection {
    const parsed = messageJson(payload);
    if (typeof parsed === 'string') return parsed;
    if (parsed === undefined) return [];
    if (!Array.isArray(parsed.json)) return 'not an array of SenML records';
    const base: Base = { name: '', time: 0, unit: undefined, value: 0, sum: 0 };
    const readings: Reading[] = [];
    for (const record of parsed.json) {
      if (typeof record !== 'object' || record === null || Array.isArray(record))
        return 'a SenML record is not an object';
      const problem = setBase(base, record);
      if (problem !== undefined) return problem;
      readings.push(...this.#read(topic, record, base, arrival));
    }
    return outcome(readings);
  }

  #read(topic: string, record: Entry, base: Base, arrival: Micros): Reading[] {
    const { n = '', u, t = 0, v, vb, vs, s } = record;
    const name = base.name + (typeof n === 'string' ? n : '');
    const seconds = base.time + (typeof t === 'number' ? t : 0);
    const time = timeOf(seconds, arrival);
    const unit = typeof u === 'string' ? u : base.unit;
    const said = unit === undefined ? undefined : { unit };
    const reading = (path: string, value: unknown) =>
      this.#names.reading(topic, { path }, time, arrival, value, said);
    const found: Reading[] = [];
    if (typeof v === 'number') found.push(reading(name, convert(v + base.value, this.#options)));
    // A number that base value alone makes (section 4.1): bv, and neither v nor another value.
    else if (
      v === undefined &&
      base.value !== 0 &&
      [vb, vs, s, record.vd].every(one => one === undefined) &&
      'n' in record
    ) {
      found.push(reading(name, convert(base.value, this.#options)));
    }
    for (const state of [vb, vs]) {
      const value = state === undefined ? undefined : convert(state, this.#options);
      if (typeof value === 'number') found.push(reading(name, value));
    }
    if (typeof s === 'number') found.push(reading(`${name}/sum`, s + base.sum));
    return found;
  }
}

/** Takes in a record's base values. @returns why the pack cannot be understood. */
function setBase(base: Base, { bn, bt, bu, bv, bs, bver, ...rest }: Entry): Rejection | undefined {
  if (typeof bver === 'number' && bver > VERSION) return `SenML of a newer version than ${VERSION}`;
  // Section 4.4: whoever does not know a label that ends in _ must not use the pack.
  const unknown = Object.keys(rest).find(key => key.endsWith('_'));
  if (unknown !== undefined) return 'a SenML label that must be understood is not';
  if (typeof bn === 'string') base.name = bn;
  if (typeof bt === 'number') base.time = bt;
  if (typeof bu === 'string') base.unit = bu;
  if (typeof bv === 'number') base.value = bv;
  if (typeof bs === 'number') base.sum = bs;
  return undefined;
}

/** undefined: now, which is the arrival. */
function timeOf(seconds: number, arrival: Micros): Micros | undefined {
  if (seconds === 0) return undefined;
  const micros = Math.round(seconds * 1e6);
  return seconds < RELATIVE_BELOW_S ? arrival + micros : micros;
}

export const senml: Format = {
  name: 'senml',
  options,
  create(given: Options, context: EntryContext) {
    const names = SensorNames.of(given, '{path}', context);
    return names && { decoder: new SenmlDecoder(names, given), hasOwnTime: false };
  },
};
