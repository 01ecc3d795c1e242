import { utc } from '../../base/time.ts';
import { UNKNOWN_ARRIVAL } from '../../collector/payload/decoder.ts';
import { readPoint } from '../../collector/payload/line-protocol.ts';
import { SluiceDecoder } from '../../collector/payload/sluice-decoder.ts';
import { readTime } from '../../collector/payload/times.ts';
import { numberIn } from '../../collector/payload/value.ts';

/** How an entry's messages are decoded: lines of YAML below its filter. */
export type Recipe = readonly string[];

const TIME_KEYS = [
  'time',
  'timestamp',
  'ts',
  'Time',
  'Timestamp',
  'dt',
  'date',
  'datetime',
  'last_seen',
  'received_at',
];
const NEAR = 400 * 86_400_000_000;
const plain = new SluiceDecoder(utc);

/** How a topic that no preset knows could be taken, by its payloads; otherwise why it cannot. @param arrival of the last one. */
export function recipeFor(samples: readonly Buffer[], arrival: number): Recipe | string {
  if (samples.length === 0) return 'nothing but empty messages';
  const recipes = samples.map(sample => recipeOf(sample, arrival));
  const found = recipes.find(recipe => typeof recipe !== 'string');
  return found ?? recipes[0]!;
}

function recipeOf(payload: Buffer, arrival: number): Recipe | string {
  if (typeof plain.decode('', payload, UNKNOWN_ARRIVAL) !== 'string') return [];
  const text = payload.toString('utf8').trim();
  if (numberIn(text) !== undefined) return ['format: number'];
  const json = parse(text);
  if (Array.isArray(json) && json.some(isSenml)) return ['format: senml'];
  if (typeof json === 'object' && json !== null) return jsonRecipe(json as Record<string, unknown>, arrival);
  if (/^(?:on|off|true|false|open|closed)$/i.test(text)) {
    return ['format: number', `map: { ${JSON.stringify(text)}: 1 } # and what stands for 0`];
  }
  if (/^\S+ \S/.test(text) && typeof readPoint(text.split('\n')[0]!) !== 'string') return ['format: influx'];
  return /^[\x20-\x7e\s]*$/.test(text) ? 'text' : 'neither text nor JSON';
}

function jsonRecipe(message: Record<string, unknown>, arrival: number): Recipe | string {
  if (!holdsNumber(message)) return 'JSON without a number';
  const time = TIME_KEYS.find(key => {
    const read = Object.hasOwn(message, key) ? readTime(message[key], 'auto', utc, arrival) : 'none';
    return typeof read === 'number' && Math.abs(read - arrival) < NEAR;
  });
  if (time === undefined) return ['format: json'];
  const isNumber = typeof message[time] === 'number';
  return [
    'format: json',
    `time: { path: ${time}, missing: arrival }`,
    ...(isNumber ? [`except: [${time}]`] : []),
  ];
}

function holdsNumber(json: unknown): boolean {
  const open: unknown[] = [json];
  for (let at = 0; at < open.length && at < 10_000; at++) {
    const one = open[at];
    if (typeof one === 'number') return true;
    if (typeof one === 'object' && one !== null) open.push(...Object.values(one));
  }
  return false;
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
