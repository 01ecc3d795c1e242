import { isUtf8 } from 'node:buffer';
import { utc } from '../../base/time.ts';
import { UNKNOWN_ARRIVAL } from '../../collector/payload/decoder.ts';
import { type Filter, parseFilter } from '../../collector/payload/filter.ts';
import { NumberDecoder } from '../../collector/payload/formats/number.ts';
import { readPoint } from '../../collector/payload/line-protocol.ts';
import { ShortMemory } from '../../collector/payload/memory.ts';
import { SensorNames } from '../../collector/payload/sensor-names.ts';
import { SluiceDecoder } from '../../collector/payload/sluice-decoder.ts';
import { numberIn } from '../../collector/payload/value.ts';
import { jsonRecipe } from './json-entry.ts';
import type { SeenTopic } from './seen-topics.ts';
import { mapOf, wordIn } from './states.ts';

/** How an entry's messages are decoded: lines of YAML below its filter. */
export type Recipe = readonly string[];

const plain = new SluiceDecoder(utc);
const x = parseFilter('x') as Filter;
const suffixed = new NumberDecoder(
  { unit_suffix: true },
  SensorNames.of({}, '{topic}', {
    filter: x,
    zone: utc,
    plainZone: utc,
    memory: new ShortMemory(),
    report() {},
  })!,
);

/** How a topic that no preset knows could be taken, by its payloads; otherwise why it cannot. */
export function recipeFor(seen: SeenTopic): Recipe | string {
  const { samples, last } = seen;
  if (samples.length === 0) return 'nothing but empty messages';
  const ofText = textRecipe(seen);
  if (ofText !== undefined) return ofText;
  const recipes = samples.map(sample => recipeOf(sample, last.arrival));
  const found = recipes.find(recipe => typeof recipe !== 'string');
  return found ?? recipes[0]!;
}

/** Words that the recipe of a topic leaves without a number. */
export function unmapped({ words }: SeenTopic): string[] {
  const map = mapOf(words);
  return words.filter(word => !map.has(word));
}

/** Numbers as text, words of states, or both. */
function textRecipe({ samples, words }: SeenTopic): Recipe | string | undefined {
  const map = [...mapOf(words)].map(([word, number]) => `${JSON.stringify(word)}: ${number}`);
  const isNumber = samples.some(sample => numberIn(sample.toString('utf8')) !== undefined);
  const others = samples.filter(sample => wordIn(sample) === undefined);
  const hasUnits = others.some(hasUnit) && others.every(sample => hasUnit(sample));
  if (isNumber || hasUnits || (map.length > 0 && others.length === 0)) {
    return [
      'format: number',
      ...(hasUnits && !isNumber ? ['unit_suffix: true'] : []),
      ...(map.length > 0 ? [`map: { ${map.join(', ')} }`] : []),
    ];
  }
  return words.length > 0 && others.length === 0 ? `words: ${words.join(', ')}` : undefined;
}

/** Whether it is a number and its unit, as `unit_suffix` takes it. A time of day and an id in hexadecimal digits are not. */
function hasUnit(payload: Buffer): boolean {
  const decoded = suffixed.decode('x', payload, UNKNOWN_ARRIVAL);
  const unit = typeof decoded === 'string' ? undefined : decoded[0]?.unit;
  return unit !== undefined && /^[\p{L}°%‰][\p{L}°%‰/·²³-]*[23]?(?:\/\p{L}+)?$/u.test(unit);
}

function recipeOf(payload: Buffer, arrival: number): Recipe | string {
  if (typeof plain.decode('', payload, UNKNOWN_ARRIVAL) !== 'string') return [];
  if (!isUtf8(payload)) return 'neither text nor JSON';
  const text = payload.toString('utf8').trim();
  const json = parse(text);
  if (Array.isArray(json) && json.some(isSenml)) return ['format: senml'];
  if (typeof json === 'object' && json !== null)
    return jsonRecipe(json as Record<string, unknown> | unknown[], arrival);
  if (/^\S+ \S/.test(text) && typeof readPoint(text.split('\n')[0]!) !== 'string') return ['format: influx'];
  return /^(?:\P{Cc}|\s)*$/u.test(text) ? 'text' : 'neither text nor JSON';
}

function isSenml(record: unknown): boolean {
  if (typeof record !== 'object' || record === null) return false;
  return ('n' in record || 'bn' in record) && ['v', 'vb', 'vs', 's'].some(key => key in record);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
