import { utc } from '../../base/time.ts';
import { readTime } from '../../collector/payload/times.ts';

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
/** Keys of what names a thing, the likeliest first. */
const ID_KEYS = [
  'id',
  'device_id',
  'deviceId',
  'sensor_id',
  'sensorId',
  'device',
  'sensor',
  'name',
  'mac',
  'address',
  'serial',
];
const NOT_A_VALUE = /^(?:id|ts|time|timestamp|last_seen)$|_(?:id|ts|timestamp)$/i;
const NEAR = 400 * 86_400_000_000;
/** Keys that a path can name as they stand. */
const PLAIN = /^[\w-]+$/;

type Json = Record<string, unknown>;

/** A number in JSON, and the path to it: `*` stands for the items of an array. */
interface Leaf {
  path: string;
  key: string;
  value: number;
}

/** How JSON that no preset knows could be taken: lines of YAML; otherwise why it cannot. @param arrival of the message. */
export function jsonRecipe(message: Json | unknown[], arrival: number): readonly string[] | string {
  const each = arrayWithIds(message);
  const items = each?.items ?? [message as Json];
  const leaves = items.flatMap(numbersIn);
  if (leaves.length === 0) return 'JSON without a number';
  const except = new Set(leaves.filter(leaf => !isValue(leaf, arrival)).map(({ path }) => path));
  // An id is in the sensor's name.
  if (each !== undefined && leaves.some(({ path }) => path === each.id)) except.add(each.id);
  if (leaves.every(({ path }) => except.has(path))) return 'JSON with no numbers but times and ids';
  const time = timeKeyIn([items[0]!, message as Json], arrival);
  const named = [...except].filter(isPlain);
  const beside =
    each === undefined || each.path === '*' ? [] : valuesBeside(message as Json, each.path, arrival);
  const note = beside.length === 0 ? '' : ` # Not taken, as it stands beside: ${beside.join(', ')}`;
  return [
    'format: json',
    ...(each === undefined
      ? []
      : [`each: ${JSON.stringify(each.path)}${note}`, `sensor: "{topic}/{item.${each.id}}/{path}"`]),
    ...(time === undefined ? [] : [`time: { path: ${time}, missing: arrival }`]),
    ...(named.length === 0 ? [] : [`except: [${named.map(path => JSON.stringify(path)).join(', ')}]`]),
  ];
}

/** The array of a message whose items have an id each: the message itself, or one of its keys. */
function arrayWithIds(message: Json | unknown[]): { path: string; items: Json[]; id: string } | undefined {
  const arrays: [string, unknown][] = Array.isArray(message) ? [['*', message]] : Object.entries(message);
  for (const [path, items] of arrays) {
    if (!Array.isArray(items) || !items.every(isObject) || (path !== '*' && !PLAIN.test(path))) continue;
    const id = ID_KEYS.find(key => {
      const ids = items.map(item => (Object.hasOwn(item, key) ? item[key] : undefined));
      return (
        new Set(ids).size === ids.length &&
        ids.every(one => typeof one === 'string' || typeof one === 'number')
      );
    });
    if (id !== undefined && items.length > 0 && items.some(item => numbersIn(item).length > 0)) {
      return { path, items, id };
    }
  }
  return undefined;
}

/** Paths of values that stand beside the array that an entry looks at. */
function valuesBeside(message: Json, array: string, arrival: number): string[] {
  const { [array]: _, ...others } = message;
  const values = numbersIn(others).filter(leaf => isValue(leaf, arrival));
  return [...new Set(values.map(({ path }) => path))].filter(isPlain).slice(0, 10);
}

/** Whether a path can be written as it stands. */
function isPlain(path: string): boolean {
  return path.split('.').every(step => step === '*' || PLAIN.test(step));
}

function timeKeyIn(places: readonly Json[], arrival: number): string | undefined {
  return TIME_KEYS.find(key =>
    places.some(place => {
      const read = Object.hasOwn(place, key) ? readTime(place[key], 'auto', utc, arrival) : 'none';
      return typeof read === 'number' && Math.abs(read - arrival) < NEAR;
    }),
  );
}

/** Whether it is neither an id nor a time, by its key or as a Unix time that is near. */
function isValue({ key, value }: Leaf, arrival: number): boolean {
  if (NOT_A_VALUE.test(key)) return false;
  const time = readTime(value, 'auto', utc, arrival);
  return typeof time !== 'number' || Math.abs(time - arrival) >= NEAR;
}

/** The first numbers in JSON. */
function numbersIn(json: unknown): Leaf[] {
  const leaves: Leaf[] = [];
  const open: { path: string; key: string; value: unknown }[] = [{ path: '', key: '', value: json }];
  for (let at = 0; at < open.length && at < 10_000; at++) {
    const { path, key, value } = open[at]!;
    if (typeof value === 'number') leaves.push({ path, key, value });
    if (typeof value !== 'object' || value === null) continue;
    for (const [name, below] of Object.entries(value)) {
      const step = Array.isArray(value) ? '*' : name;
      const to = path === '' ? step : `${path}.${step}`;
      open.push({ path: to, key: Array.isArray(value) ? key : name, value: below });
    }
  }
  return leaves;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
