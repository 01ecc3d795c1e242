import { formatTime, type Micros } from '../../base/time.ts';
import { type EntryCounts, NO_ENTRY, PLAIN } from '../payload/entry-counts.ts';
import type { Rejection } from '../payload/reading.ts';
import { loadedText, type Row } from './reading-columns.ts';

/**
 * A line of a raw file, made ready for the database: its readings, those of them that cannot be stored, or why it is not
 * understood.
 */
export interface BatchLine {
  file: string;
  /** Bytes of the file. */
  start: number;
  end: number;
  /** The newest second (since 1970) up to and with this line, where one is known. */
  newest?: number | undefined;
  /** Hash of the topics file with which it was decoded, where it is a message in an envelope. */
  decodedWith?: string | undefined;
  /** The entry of the topics file that has decided about a message in an envelope; undefined: none, or it is a plain message. */
  entry?: string | undefined;
  /** None where the line is rejected, or says nothing that is measured. */
  rows: readonly Row[];
  refusals: readonly Rejected[];
  rejection?: Rejected | undefined;
}

/** What cannot be stored and why, and whose and when it is where that is known. */
export interface Rejected {
  /** Which reading of the line, from 1; 0: the line is not understood. */
  reading: number;
  reason: Rejection;
  /** The line, or the reading as JSON. */
  text: string;
  sensorId?: string | undefined;
  time?: Micros | undefined;
}

/** What is kept of a line in silver.rejected_line. */
export function rejectedOf({ rejection, refusals }: BatchLine): readonly Rejected[] {
  return rejection === undefined ? refusals : [rejection];
}

/** Counts what of a line cannot be stored. The messages of errors hold values: only their codes are counted. */
export function countRejected(counts: EntryCounts, line: BatchLine): void {
  if (line.rejection === undefined && line.refusals.length === 0) return;
  const entry = line.entry ?? (line.decodedWith === undefined ? PLAIN : NO_ENTRY);
  for (const { reason } of rejectedOf(line)) counts.add(entry, reason.replace(/^(SQLSTATE \w+):.*/s, '$1'));
}

/** The line without a row that the database refused, which is kept with the reason. */
export function refuseRow(line: BatchLine, row: Row, error: Error & { code?: string }): BatchLine {
  const { reading, sensorId, time, value } = row;
  const refusal: Rejected = {
    reading,
    reason: `SQLSTATE ${error.code}: ${error.message}`,
    text: JSON.stringify({ id: sensorId, dt: formatTime(time), value }),
    sensorId,
    time,
  };
  return {
    ...line,
    rows: line.rows.filter(other => other !== row),
    refusals: [...line.refusals, refusal],
  };
}

/** The rows of a batch in COPY's text format: what the loader writes, number of the file in `files`, byte offset, reading. */
export function copyText(lines: readonly BatchLine[], files: readonly string[]): Buffer {
  const number = new Map(files.map((file, index) => [file, index]));
  let text = '';
  for (const { file, start, rows } of lines) {
    for (const row of rows) text += `${loadedText(row)}\t${number.get(file)}\t${start}\t${row.reading}\n`;
  }
  return Buffer.from(text);
}
