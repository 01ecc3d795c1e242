import { isUtf8 } from 'node:buffer';
import { formatTime, type Micros } from '../../base/time.ts';
import { type Reading, storable } from '../../collector/payload/reading.ts';
import type { Topics } from '../../collector/payload/topics.ts';

/** A message as a broker delivers it. */
export interface Message {
  topic: string;
  payload: Buffer;
  qos: number;
  retain: boolean;
  arrival: Micros;
}

/** What the topics file makes of a message. */
export interface Verdict {
  /** The filter of the entry that decides; undefined: none takes the topic. */
  entry?: string;
  outcome: 'readings' | 'nothing' | 'rejected' | 'ignored' | 'retained' | 'no entry';
  readings: readonly Reading[];
  /** Why it is rejected. */
  reason?: string;
}

/** Decides about a message as the collector would. */
export function judge(topics: Topics, { topic, payload, retain, arrival }: Message): Verdict {
  const entry = topics.find(topic);
  if (entry === undefined) return { outcome: 'no entry', readings: [] };
  const { name, ignore, decoder } = entry;
  if (ignore) return { entry: name, outcome: 'ignored', readings: [] };
  const notes = decoder.annotate?.(topic, payload);
  const decoded = decoder.decode(topic, payload, arrival, notes);
  if (typeof decoded === 'string') return { entry: name, outcome: 'rejected', readings: [], reason: decoded };
  // What the broker had kept is from before.
  if (retain && entry.retained === 'skip') return { entry: name, outcome: 'retained', readings: decoded };
  return { entry: name, outcome: decoded.length === 0 ? 'nothing' : 'readings', readings: decoded };
}

/** Of a reading, what would be stored of it, or why it would not. */
export function told(reading: Reading): Record<string, unknown> {
  const { sensorId, time, unit, name, isArrival } = reading;
  const value = storable(reading);
  return {
    sensor_id: sensorId,
    time: formatTime(time),
    ...(isArrival && { time_is_arrival: true }),
    ...(typeof value === 'number' ? { value } : { refused: value }),
    ...(unit !== undefined && { unit }),
    ...(name !== undefined && { name }),
  };
}

/** A verdict in a few words, for people. */
export function inWords({ outcome, readings, reason }: Verdict): string {
  if (outcome === 'rejected') return `rejected: ${reason}`;
  if (outcome === 'no entry') return 'not taken by any entry';
  if (outcome === 'ignored') return 'ignored';
  if (outcome === 'nothing') return 'no readings';
  const texts = readings.slice(0, 3).map(reading => {
    const value = storable(reading);
    const said =
      typeof value === 'number' ? `${value}${reading.unit ? ` ${reading.unit}` : ''}` : `(${value})`;
    return `${reading.sensorId || '?'} ${said}`;
  });
  const more = readings.length > texts.length ? `, and ${readings.length - texts.length} more` : '';
  return `${outcome === 'retained' ? 'kept from before, skipped: ' : ''}${texts.join(', ')}${more}`;
}

/** A payload for people: text as it is, without what would turn a terminal; bytes in hexadecimal digits. */
export function shown(payload: Buffer, most: number): string {
  const text = isUtf8(payload) ? payload.toString('utf8') : `0x${payload.subarray(0, most).toString('hex')}`;
  const plain = text.replaceAll(/\p{Cc}+/gu, ' ');
  return plain.length > most ? `${plain.slice(0, most - 1)}…` : plain;
}
