import { isUtf8 } from 'node:buffer';
import { formatTime, type Zone } from '../../base/time.ts';
import type { RawLine } from '../bronze/line-reader.ts';
import { decodeReading, numberOf, type Reading, type Rejection } from '../payload/message.ts';
import { loadedText, type Row } from './reading-columns.ts';
import type { Registry } from './registry.ts';
import type { Watermark } from './watermark.ts';

/**
 * A line of a raw file, made ready for the database. `newest` is the newest second (since 1970) up to and with this line,
 * where one is known.
 */
export type BatchLine = { file: string; start: number; end: number; newest?: number | undefined } & (
  | { row: Row; rejection?: undefined }
  | { row?: undefined; rejection: Rejected }
);

/** Why a line cannot be stored, its text, and whose and when it is where it says so. */
export interface Rejected {
  reason: Rejection;
  line: string;
  sensorId?: string | undefined;
  /** Microseconds since 1970. */
  time?: number | undefined;
}

/**
 * Decodes and judges a line. The same line, registry and zone give the same answer, whenever it is read. Whether it is
 * late depends on the lines before it, and is for `markLate` to say.
 */
export function prepareLine(file: string, line: RawLine, zone: Zone, registry: Registry): BatchLine {
  const { start, end } = line;
  const text = line.bytes.toString('utf8');
  const reject = (reason: Rejection, reading?: Reading): BatchLine => ({
    file,
    start,
    end,
    rejection: { reason, line: storable(text), sensorId: reading?.sensorId, time: reading?.time },
  });
  if (!isUtf8(line.bytes)) return reject('not UTF-8');
  const reading = decodeReading(text, zone);
  if (typeof reading === 'string') return reject(reading);
  const value = numberOf(reading.value);
  if (typeof value === 'string') return reject(value, reading);
  const { sensorId, time } = reading;
  const quality = registry.qualityOf(sensorId, value);
  return { file, start, end, row: { time, sensorId, value, quality, late: false } };
}

/** Judges whether a line is late, by the lines before it. One that cannot be stored has a time all the same. */
export function markLate(line: BatchLine, watermark: Watermark): void {
  const { sensorId, time } = line.row ?? line.rejection;
  if (sensorId !== undefined && time !== undefined) {
    const late = watermark.isLate(sensorId, Math.floor(time / 1e6), line.start);
    if (line.row !== undefined) line.row.late = late;
  }
  line.newest = watermark.newest;
}

/** A row that the database refused, as a line that is kept with the reason. */
export function rejectRow(line: BatchLine & { row: Row }, error: Error & { code?: string }): BatchLine {
  const { row, ...place } = line;
  const { sensorId, time } = row;
  const text = JSON.stringify({ id: sensorId, dt: formatTime(time), value: row.value });
  return {
    ...place,
    rejection: { reason: `SQLSTATE ${error.code}: ${error.message}`, line: text, sensorId, time },
  };
}

/** PostgreSQL's text cannot hold NUL. */
function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}

/** The rows of a batch in COPY's text format: what the loader writes, number of the file in `files`, byte offset. */
export function copyText(lines: readonly BatchLine[], files: readonly string[]): Buffer {
  const number = new Map(files.map((file, index) => [file, index]));
  let text = '';
  for (const { file, start, row } of lines) {
    if (row === undefined) continue;
    text += `${loadedText(row)}\t${number.get(file)}\t${start}\n`;
  }
  return Buffer.from(text);
}
