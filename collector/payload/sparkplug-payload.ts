import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Type } from 'protobufjs';

/** A metric of a Sparkplug B payload. Numbers of 64 bits are as near as a double comes. */
export interface Metric {
  name?: string;
  alias?: string;
  /** ms since 1970. */
  timestamp?: number;
  datatype?: number;
  isNull?: boolean;
  /** The property engUnit. */
  unit?: string;
  /** As it is on the wire: integers without their sign. */
  value?: number | bigint | boolean | string;
}

export interface SparkplugPayload {
  timestamp?: number;
  seq?: number;
  metrics: Metric[];
}

/** The metric by which a node is asked for its births. */
const REBIRTH = 'Node Control/Rebirth';

/** Loaded when the first entry of the format is read: few need it. */
let payloadType: Type | undefined;

/** Makes the decoder ready. */
export function loadSparkplug(): void {
  if (payloadType !== undefined) return;
  const protobuf = createRequire(import.meta.url)('protobufjs') as typeof import('protobufjs');
  const schema = readFileSync(join(import.meta.dirname, 'formats', 'sparkplug.proto'), 'utf8');
  payloadType = protobuf.parse(schema, { keepCase: true }).root.lookupType('Payload');
}

/** The payload of an NCMD that asks a node for its births. Needs `loadSparkplug`. @param timestamp ms since 1970. */
export function rebirthCommand(timestamp: number): Buffer {
  const metric = { name: REBIRTH, timestamp, datatype: BOOLEAN, boolean_value: true };
  return Buffer.from(payloadType!.encode(payloadType!.fromObject({ timestamp, metrics: [metric] })).finish());
}

/** Decodes a payload; undefined where it is not one. Needs `loadSparkplug`. */
export function readSparkplug(payload: Buffer): SparkplugPayload | undefined {
  try {
    const decoded = payloadType!.decode(payload) as unknown as RawPayload;
    return {
      ...(has(decoded, 'timestamp') && { timestamp: Number(decoded.timestamp) }),
      ...(has(decoded, 'seq') && { seq: Number(decoded.seq) }),
      metrics: decoded.metrics.map(metricOf),
    };
  } catch {
    // Cut off, or not protobuf at all; a text that is not UTF-8; groups nested without end.
    return undefined;
  }
}

/** Whether a field was sent: others have their default in the prototype. */
function has(message: object, field: string): boolean {
  return Object.hasOwn(message, field);
}

interface Long {
  toString(): string;
}
interface RawPayload {
  timestamp: Long;
  seq: Long;
  metrics: RawMetric[];
}
interface RawMetric {
  name: string;
  alias: Long;
  timestamp: Long;
  datatype: number;
  is_null: boolean;
  properties?: { keys: string[]; values: { string_value: string }[] };
  value:
    | 'int_value'
    | 'long_value'
    | 'float_value'
    | 'double_value'
    | 'boolean_value'
    | 'string_value'
    | undefined;
  int_value: number;
  long_value: Long;
  float_value: number;
  double_value: number;
  boolean_value: boolean;
  string_value: string;
}

function metricOf(raw: RawMetric): Metric {
  const unit = unitOf(raw);
  const value = raw.value === undefined ? undefined : raw[raw.value];
  return {
    ...(has(raw, 'name') && { name: raw.name }),
    ...(has(raw, 'alias') && { alias: raw.alias.toString() }),
    ...(has(raw, 'timestamp') && { timestamp: Number(raw.timestamp) }),
    ...(has(raw, 'datatype') && { datatype: raw.datatype }),
    ...(has(raw, 'is_null') && raw.is_null && { isNull: true }),
    ...(unit !== undefined && { unit }),
    ...(value !== undefined && { value: typeof value === 'object' ? BigInt(value.toString()) : value }),
  };
}

function unitOf({ properties }: RawMetric): string | undefined {
  const at = properties?.keys.findIndex(key => key.toLowerCase() === 'engunit') ?? -1;
  return (at >= 0 && properties?.values[at]?.string_value) || undefined;
}

/** Data types of the specification, chapter 6.4.16, that are integers with a sign; the value is how many bits they have. */
const signedBits = new Map([
  [1, 8],
  [2, 16],
  [3, 32],
  [4, 64],
]);
const UNSIGNED = [5, 6, 7, 8];
const FLOATS = [9, 10];
const BOOLEAN = 11;

/**
 * A metric's value as a number or boolean, by its data type; undefined: of a type that is none of these (text, date, bytes, data
 * set, template, array).
 */
export function numberOf(
  value: NonNullable<Metric['value']>,
  datatype: number,
): number | boolean | undefined {
  // The type says integer and the value is none: the sender is wrong about one of them, and only the value is a fact.
  if (typeof value === 'number' && !Number.isInteger(value) && datatype <= 8) return value;
  const bits = signedBits.get(datatype);
  if (bits !== undefined && typeof value !== 'boolean' && typeof value !== 'string') {
    return Number(BigInt.asIntN(bits, BigInt(value)));
  }
  if (UNSIGNED.includes(datatype) && typeof value !== 'boolean' && typeof value !== 'string')
    return Number(value);
  // Shortest text of the 32 bits: 21.3 rather than 21.299999237060547.
  if (datatype === FLOATS[0] && typeof value === 'number') return Number(Math.fround(value).toPrecision(7));
  if (FLOATS.includes(datatype) && typeof value === 'number') return value;
  return datatype === BOOLEAN && typeof value === 'boolean' ? value : undefined;
}
