import type { Rejection } from './reading.ts';

/** A longer id is none: it would not fit into that of a sensor either. */
const MOST_CHARACTERS = 50;
const FIELDS = new Set(['equipment_id', 'timestamp', 'measurements']);

/**
 * The messages that a reading of equipment becomes, as programs send it that know equipment rather than sensors:
 * `{"equipment_id", "timestamp", "measurements": {name: number}}`; numbers beside these fields count as well. One a measurement, as a sensor `EQUIPMENT/measurement` would have sent
 * it. Whether its id, time and value will do is asked of that.
 * @param pattern of ids.
 * @returns the reason where it becomes none.
 */
export function equipmentMessages(reading: unknown, pattern: RegExp): Buffer[] | Rejection {
  if (typeof reading !== 'object' || reading === null || Array.isArray(reading)) return 'not a JSON object';
  const { equipment_id: id, timestamp, measurements, ...rest } = reading as Record<string, unknown>;
  if (typeof id !== 'string' || id.length > MOST_CHARACTERS || !pattern.test(id)) {
    return 'equipment_id is not of the form that EQUIPMENT_ID_PATTERN asks for';
  }
  if (typeof timestamp !== 'string') return 'timestamp is missing';
  const named = measurements ?? {};
  if (typeof named !== 'object' || Array.isArray(named)) return 'measurements is not a JSON object';
  const beside = Object.entries(rest).filter(
    ([name, value]) => !FIELDS.has(name) && typeof value === 'number',
  );
  const all = [...beside, ...Object.entries(named as object)];
  if (all.length === 0) return 'no measurement';
  // What is not a number is written as null: it is refused with its reason, and nothing deep is written again.
  return all.map(([name, value]) =>
    Buffer.from(
      `{"id": ${JSON.stringify(`${id}/${name}`)}, "dt": ${JSON.stringify(timestamp)}, "value": ${typeof value === 'number' ? JSON.stringify(value) : 'null'}}`,
    ),
  );
}
