import { z } from 'zod';
import type { Micros } from '../../../base/time.ts';
import type { Decoder } from '../decoder.ts';
import { type EntryContext, type Format, flag, sensorOptions } from '../format.ts';
import { messageText, parseJson } from '../message-text.ts';
import { type Path, parsePath, select, valueAt } from '../path.ts';
import { Paths, type Rule, rulesOf, TOO_DEEP, valuesOption } from '../paths.ts';
import type { Reading, Rejection } from '../reading.ts';
import { outcome, SensorNames } from '../sensor-names.ts';
import { readTime, type TimeRule, timeOption, timeRule } from '../times.ts';

const pathText = z.string({ error: 'must be a path such as a.b' });
const options = {
  ...sensorOptions,
  values: valuesOption,
  except: z
    .array(pathText, { error: 'must be a list of paths' })
    .optional()
    .describe('Paths that * and ** of values leave out; a.** leaves out all below a.'),
  each: pathText
    .optional()
    .describe('Path of an array (or object) each of whose items is looked at by itself; * is the message.'),
  time: timeOption,
  numeric_strings: flag('A text that is a number counts as one: "21.5".'),
};
type Options = z.output<z.ZodObject<typeof options>>;

type TimeOfMessage = Omit<TimeRule, 'path'> & { path: Path };

/** Numbers in JSON, found by paths. */
class JsonDecoder implements Decoder {
  readonly #names: SensorNames;
  readonly #rules: readonly Rule[];
  readonly #paths: Paths;
  readonly #each: Path | undefined;
  readonly #time: TimeOfMessage | undefined;

  constructor(names: SensorNames, rules: readonly Rule[], paths: Paths, each?: Path, time?: TimeOfMessage) {
    this.#names = names;
    this.#rules = rules;
    this.#paths = paths;
    this.#each = each;
    this.#time = time;
  }

  decode(topic: string, payload: Buffer, arrival: Micros): readonly Reading[] | Rejection {
    const message = messageText(payload);
    if (typeof message === 'string') return message;
    // What clears a retained message.
    if (message.text === '') return [];
    const parsed = parseJson(message.text);
    if (typeof parsed === 'string') return parsed;
    const root = parsed.json;
    const items = this.#each === undefined ? [root] : itemsOf(root, this.#each);
    if (items === undefined) return TOO_DEEP;
    const readings: Reading[] = [];
    for (const item of items) {
      const rejection = this.#readItem(topic, root, item, arrival, readings);
      if (rejection !== undefined) return rejection;
    }
    return outcome(readings);
  }

  /** Adds an item's readings. @returns why the whole message is rejected. */
  #readItem(
    topic: string,
    payload: unknown,
    item: unknown,
    arrival: Micros,
    to: Reading[],
  ): Rejection | undefined {
    const values = this.#paths.find(item, this.#rules);
    if (values === undefined) return TOO_DEEP;
    if (values.length === 0) return undefined;
    const time = this.#timeOf(payload, item, arrival);
    if (typeof time === 'string' && this.#each === undefined) return time;
    for (const { path, value, said } of values) {
      const at = typeof time === 'string' ? undefined : time;
      const reading = this.#names.reading(topic, { path, payload, item }, at, arrival, value, said);
      if (typeof time === 'string') reading.problem ??= time;
      to.push(reading);
    }
    return undefined;
  }

  /** undefined: the time of the arrival. */
  #timeOf(payload: unknown, item: unknown, arrival: Micros): Micros | Rejection | undefined {
    if (this.#time === undefined) return undefined;
    const { path, unit, zone, mayBeMissing } = this.#time;
    const sent = valueAt(item, path) ?? (item === payload ? undefined : valueAt(payload, path));
    if (sent === undefined || sent === null) return mayBeMissing ? undefined : 'time is missing';
    return readTime(sent, unit, zone, arrival);
  }
}

/** What `each` leads to: the items of an array, or whatever wildcards find. */
function itemsOf(root: unknown, each: Path): unknown[] | undefined {
  if (!each.isFixed) return select(root, each)?.map(({ value }) => value);
  const found = valueAt(root, each);
  if (found === undefined) return [];
  return Array.isArray(found) ? found : [found];
}

export const json: Format = {
  name: 'json',
  options,
  create(given: Options, context: EntryContext) {
    const names = SensorNames.of(given, '{topic}/{path}', context);
    const rules = rulesOf(given.values, context);
    const paths = Paths.of(given.except ?? [], given.numeric_strings === true, context);
    const each = given.each === undefined ? undefined : pathOf(given.each, ['each'], context);
    const time = timeRule(given.time, context.zone);
    const timeKey = typeof given.time === 'string' ? ['time'] : ['time', 'path'];
    const timePath = time && pathOf(time.path, timeKey, context);
    if (timePath && !timePath.isFixed) context.report(timeKey, 'must lead to one value: no * in it');
    if (names === undefined || rules === undefined || paths === undefined) return undefined;
    const isMany = rules.length > 1 || !rules[0]!.path.isFixed;
    if (isMany && !names.hasPath) {
      context.report(['sensor'], 'must contain {path}: its values would all be readings of one sensor');
    }
    const rule = time && timePath && { ...time, path: timePath };
    return {
      decoder: new JsonDecoder(names, rules, paths, each, rule),
      hasOwnTime: rule !== undefined && !rule.mayBeMissing,
    };
  },
};

function pathOf(text: string, key: (string | number)[], context: EntryContext): Path | undefined {
  const path = parsePath(text);
  if (typeof path !== 'string') return path;
  context.report(key, path);
  return undefined;
}
