import { z } from 'zod';
import type { Micros } from '../../../base/time.ts';
import type { Decoder } from '../decoder.ts';
import { type EntryContext, type Format, flag, sensorOptions } from '../format.ts';
import { messageJson } from '../message-text.ts';
import { type Path, parsePath, select, valueAt } from '../path.ts';
import { filledUnit, Paths, type Rule, rulesOf, TOO_DEEP, valuesOption } from '../paths.ts';
import type { Reading, Rejection } from '../reading.ts';
import { outcome, SensorNames } from '../sensor-names.ts';
import { isUnset, readTime, type TimeRule, timeOption, timeRule } from '../times.ts';

const pathText = z.string({ error: 'must be a path such as a.b' });
const options = {
  ...sensorOptions,
  values: valuesOption,
  except: z
    .array(pathText, { error: 'must be a list of paths' })
    .optional()
    .describe('Paths that * and ** of values leave out: a.b, *.id, a.**'),
  each: pathText
    .optional()
    .describe(
      'Path of an array whose items are looked at one by one, each with its own time; * where the message is one.',
    ),
  time: timeOption,
  when: z
    .record(
      z.string(),
      z.union([z.string(), z.number(), z.boolean()], { error: 'must be a text, a number, true or false' }),
      {
        error: 'must be a map from a path to what stands there, such as {_type: location}',
      },
    )
    .optional()
    .describe(
      'Only messages in which these paths have these values are looked at; the others hold no readings.',
    ),
  skip_text: flag('What a path of values leads to and is not a number is left out, rather than refused.'),
  unit_key: z
    .string({ error: 'must be a key such as unit' })
    .min(1, 'must not be empty')
    .optional()
    .describe('Key beside a value that names its unit: unit for {"value": 21.5, "unit": "°C"}.'),
  numeric_strings: flag('A text that is a number counts as one: "21.5".'),
};
type Options = z.output<z.ZodObject<typeof options>>;

/** What an entry says, read. */
interface Plan {
  names: SensorNames;
  rules: readonly Rule[];
  paths: Paths;
  each: Path | undefined;
  time: (Omit<TimeRule, 'path'> & { path: Path }) | undefined;
  when: readonly { path: Path; value: unknown }[];
}

/** Numbers in JSON, found by paths. */
class JsonDecoder implements Decoder {
  readonly #plan: Plan;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  decode(topic: string, payload: Buffer, arrival: Micros): readonly Reading[] | Rejection {
    const parsed = messageJson(payload);
    if (typeof parsed === 'string') return parsed;
    if (parsed === undefined) return [];
    const root = parsed.json;
    const { each, when } = this.#plan;
    if (when.some(({ path, value }) => valueAt(root, path) !== value)) return [];
    const items = each === undefined ? [root] : itemsOf(root, each);
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
    const { names, paths, rules, each } = this.#plan;
    const values = paths.find(item, rules);
    if (values === undefined) return TOO_DEEP;
    if (values.length === 0) return undefined;
    const time = this.#timeOf(payload, item, arrival);
    if (typeof time === 'string' && each === undefined) return time;
    for (const { path, value, said, unit } of values) {
      const at = typeof time === 'string' ? undefined : time;
      const filling = { path, payload, item };
      const saidHere = unit === undefined ? said : filledUnit(unit, topic, filling, said);
      const reading = names.reading(topic, filling, at, arrival, value, saidHere);
      if (typeof time === 'string') reading.problem ??= time;
      to.push(reading);
    }
    return undefined;
  }

  /** undefined: the time of the arrival. */
  #timeOf(payload: unknown, item: unknown, arrival: Micros): Micros | Rejection | undefined {
    if (this.#plan.time === undefined) return undefined;
    const { path, unit, zone, isOfMessage, mayBeMissing, mayBeUnset } = this.#plan.time;
    const sent =
      valueAt(isOfMessage ? payload : item, path) ?? (item === payload ? undefined : valueAt(payload, path));
    if (sent === undefined || sent === null) return mayBeMissing ? undefined : 'time is missing';
    const time = readTime(sent, unit, zone, arrival);
    return mayBeUnset && isUnset(sent, time) ? undefined : time;
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
    const paths = Paths.of(
      {
        except: given.except ?? [],
        takesText: given.numeric_strings === true,
        skipsText: given.skip_text === true,
        unitKey: given.unit_key,
      },
      context,
    );
    const each = given.each === undefined ? undefined : pathOf(given.each, ['each'], context);
    const time = timeOf(given, context);
    const when = Object.entries(given.when ?? {}).flatMap(([text, value]) => {
      const path = pathOf(text, ['when', text], context);
      return path === undefined ? [] : [{ path, value }];
    });
    if (names?.hasPath === false && findsMany(given.values)) {
      context.report(['sensor'], 'must contain {path}: its values would all be readings of one sensor');
    }
    if (names === undefined || rules === undefined || paths === undefined) return undefined;
    return {
      decoder: new JsonDecoder({ names, rules, paths, each, time, when }),
      hasOwnTime: time !== undefined && !time.mayBeMissing && !time.mayBeUnset,
    };
  },
};

/** Whether there is more than one path, or one that may lead to many values. */
function findsMany(values: Options['values'] = ['**']): boolean {
  const paths = Array.isArray(values) ? values : Object.keys(values);
  if (paths.length > 1) return true;
  const path = parsePath(paths[0]!);
  return typeof path !== 'string' && !path.isFixed;
}

function timeOf(given: Options, context: EntryContext): Plan['time'] {
  const rule = timeRule(given.time, context.zone);
  const key = typeof given.time === 'string' ? ['time'] : ['time', 'path'];
  const path = rule && pathOf(rule.path, key, context);
  if (path && !path.isFixed) context.report(key, 'must lead to one value: no * in it');
  return rule && path && { ...rule, path };
}

function pathOf(text: string, key: (string | number)[], context: EntryContext): Path | undefined {
  const path = parsePath(text);
  if (typeof path !== 'string') return path;
  context.report(key, path);
  return undefined;
}
