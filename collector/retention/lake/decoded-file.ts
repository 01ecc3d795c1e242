import { type ParquetColumn, ParquetFile } from '../../../base/parquet-file.ts';
import { splitLines } from '../../bronze/line-reader.ts';
import { streamLines } from '../../bronze/line-stream.ts';
import { watermarkOf } from '../../bronze/watermark.ts';
import { type BatchLine, rejectedOf } from '../../silver/batch-line.ts';
import type { PastDecoders } from '../../silver/past-decoders.ts';

/** Part of what a decoded file is known by: another one where the same lines make other columns. */
export const READINGS_FORM = '1';

/**
 * What the lines of an archived file say, a row a reading; what is rejected has a reason and no value. `object` is the key of
 * the archived file, `byte_offset` where the line begins in its text, `reading` which of the line it is, from 1 (0: the line is
 * not understood).
 */
const READINGS_COLUMNS: readonly ParquetColumn[] = [
  { name: 'object', kind: 'text' },
  { name: 'byte_offset', kind: 'whole' },
  { name: 'reading', kind: 'whole' },
  { name: 'sensor_id', kind: 'text', optional: true },
  { name: 'time', kind: 'time', optional: true },
  { name: 'value', kind: 'double', optional: true },
  { name: 'late', kind: 'flag' },
  { name: 'inexact', kind: 'flag' },
  { name: 'reason', kind: 'text', optional: true },
];

export interface Decoding {
  /** Of the raw file, in either form. */
  path: string;
  /** Its entry in the ledger. */
  entry: string;
  /** The key of the archived file. */
  object: string;
  /** Up to where it is archived, in bytes of its text. */
  bytes: number;
  decoders: PastDecoders;
  /** See `Watermark`. */
  lateMinutes: number;
  signal: AbortSignal | undefined;
}

/**
 * Decodes a raw file as it was decoded when it was loaded, into a Parquet file.
 * @returns its rows. @throws errors of the disk, and of the thread where it is to stop.
 */
export async function writeDecoded(target: string, decoding: Decoding): Promise<number> {
  const { path, entry, bytes: to, decoders, lateMinutes, signal } = decoding;
  using file = new ParquetFile(target, READINGS_COLUMNS);
  const watermark = watermarkOf(path, lateMinutes, false);
  for await (const { bytes, start } of streamLines(path, 'skip', to)) {
    signal?.throwIfAborted();
    for (const raw of splitLines(bytes, start))
      addLine(file, decoding.object, decoders.at(entry, raw.start).decode(entry, raw, watermark));
  }
  file.end();
  return file.rows;
}

function addLine(file: ParquetFile, object: string, line: BatchLine): void {
  const { start, rows } = line;
  // The loader writes -0 as 0.
  for (const { reading, sensorId, time, value, late, inexact } of rows)
    file.add([object, start, reading, sensorId, time, value + 0, late, inexact, null]);
  for (const { reading, reason, sensorId, time } of rejectedOf(line))
    file.add([object, start, reading, sensorId ?? null, time ?? null, null, false, false, reason]);
}
