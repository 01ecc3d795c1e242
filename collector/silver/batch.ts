import { isUtf8 } from 'node:buffer';
import type { RawLine } from '../bronze/line-reader.ts';
import { decodeReading, numberOf, type Rejection } from '../message.ts';
import { formatTime, type Zone } from '../time.ts';
import type { Registry } from './registry.ts';

/** A line of a raw file, made ready for the database. */
export type BatchLine = { file: string; start: number; end: number } & (
  | { row: Row; rejection?: undefined }
  | { row?: undefined; rejection: Rejected }
);

/** Why a line cannot be stored, and its text. */
export interface Rejected {
  reason: Rejection;
  line: string;
}

export interface Row {
  /** Microseconds since 1970. */
  time: number;
  sensorId: string;
  value: number;
  quality: string;
}

/** Decodes and judges a line. The same line, registry and zone give the same answer, whenever it is read. */
export function prepareLine(file: string, line: RawLine, zone: Zone, registry: Registry): BatchLine {
  const { start, end } = line;
  const text = line.bytes.toString('utf8');
  const reject = (reason: Rejection): BatchLine => ({
    file,
    start,
    end,
    rejection: { reason, line: storable(text) },
  });
  if (!isUtf8(line.bytes)) return reject('not UTF-8');
  const reading = decodeReading(text, zone);
  if (typeof reading === 'string') return reject(reading);
  const value = numberOf(reading.value);
  if (typeof value === 'string') return reject(value);
  const { sensorId, time } = reading;
  return { file, start, end, row: { time, sensorId, value, quality: registry.qualityOf(sensorId, value) } };
}

/** A row that the database refused, as a line that is kept with the reason. */
export function rejectRow(line: BatchLine & { row: Row }, error: Error & { code?: string }): BatchLine {
  const { file, start, end, row } = line;
  const text = JSON.stringify({ id: row.sensorId, dt: formatTime(row.time), value: row.value });
  return { file, start, end, rejection: { reason: `SQLSTATE ${error.code}: ${error.message}`, line: text } };
}

/** PostgreSQL's text cannot hold NUL. */
function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}

/** A row in COPY's text format: time, sensor_id, value, quality, without a line end. */
export function rowText({ time, sensorId, value, quality }: Row): string {
  // Of what COPY gives a meaning to, a sensor id can hold only the backslash: it has no control characters.
  return `${formatTime(time)}\t${sensorId.replaceAll('\\', '\\\\')}\t${value}\t${quality}`;
}

/**
 * The rows of a batch in COPY's text format: time, sensor_id, value, quality, number of the file in `files`, byte offset.
 * `String(number)` is the shortest text that reads back as the same double.
 */
export function copyText(lines: readonly BatchLine[], files: readonly string[]): Buffer {
  const number = new Map(files.map((file, index) => [file, index]));
  let text = '';
  for (const { file, start, row } of lines) {
    if (row === undefined) continue;
    text += `${rowText(row)}\t${number.get(file)}\t${start}\n`;
  }
  return Buffer.from(text);
}
