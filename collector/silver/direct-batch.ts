import { splitLines } from '../bronze/line-reader.ts';
import { commonForm } from '../payload/canonical.ts';
import type { BatchLine } from './batch-line.ts';
import type { Block } from './block.ts';
import { type ByteRange, countLine } from './byte-range.ts';
import { emptyCounters } from './counters.ts';
import type { FoundSensor } from './found-sensors.ts';
import { firstLineHash } from './ledger.ts';
import type { LineDecoder } from './line-decoder.ts';
import { isFlagged, loadedText, unflaggedText } from './reading-columns.ts';
import { SeenSensors } from './seen-sensors.ts';
import { StaleMinutes } from './stale-minutes.ts';

/** Lines become rows in pieces of about this size. The text of a whole block would be a large object, which V8 keeps for long. */
const PIECE_BYTES = 32 * 1024;

/**
 * A batch as COPY takes it, on the hope that silver has none of its keys yet. Its lines are decoded while its rows are sent:
 * the database stores the ones while we decode the next. Of the rest nothing is known before `rows` has come to its end.
 */
export class DirectBatch {
  readonly #blocks: readonly Block[];
  readonly #decoder: LineDecoder;
  readonly #flagged: string[] = [];
  /** Minutes and sensors of the rows. */
  readonly stale: StaleMinutes;
  /** Files and bytes are known from the beginning. */
  readonly ranges: ByteRange[];
  /** Lines of which something cannot be stored. */
  readonly rejected: BatchLine[] = [];
  /** What the registry lacks of the sensors, by id. */
  readonly found = new Map<string, FoundSensor>();

  /**
   * @param blocks their watermarks are moved behind their lines.
   * @param seen what silver.seen_sensor is known to have.
   */
  constructor(blocks: readonly Block[], decoder: LineDecoder, seen = new SeenSensors()) {
    this.stale = new StaleMinutes(seen);
    this.#blocks = blocks;
    this.#decoder = decoder;
    this.ranges = blocks.map(block =>
      byteRangeOf(block, decoder.isPlain(block.file) ? undefined : decoder.topicsHash),
    );
  }

  /** The rows without a flag, in COPY's text format with the columns of `unflaggedColumns`. */
  *rows(): Generator<Buffer> {
    let rows = '';
    for (const [index, block] of this.#blocks.entries()) {
      const range = this.ranges[index]!;
      for (const piece of piecesOf(block)) {
        rows += this.#decoder.isPlain(block.file)
          ? this.#plainRows(piece, range)
          : this.#anyRows(piece, range);
        if (rows.length < PIECE_BYTES) continue;
        yield Buffer.from(rows);
        rows = '';
      }
      range.newest = block.watermark.newest;
    }
    if (rows.length > 0) yield Buffer.from(rows);
  }

  /** The rows with a flag, in COPY's text format with the columns of `loadedColumns`. */
  get flaggedRows(): Buffer {
    return Buffer.from(this.#flagged.join(''));
  }

  /** Plain messages. Those of the common form are decoded and classified in one pass, without an object for each. */
  #plainRows(block: Block, range: ByteRange): string {
    const { start, bytes, watermark } = block;
    const text = bytes.toString('latin1');
    let rows = '';
    let common = 0;
    for (let at = 0; at < text.length; ) {
      const match = commonForm.line(text, at);
      if (match !== null) {
        const [all, sensorId, time, value] = match as unknown as [string, string, string, string];
        const second = commonForm.second(time);
        // What is late is rare, and has a further column.
        if (!watermark.isLate(sensorId, second, start + at)) {
          rows += `${time}\t${sensorId}\t${value}\t${this.#decoder.qualityOf(sensorId, Number(value))}\n`;
          this.stale.add(sensorId, second);
          common++;
          at += all.length;
          continue;
        }
      }
      const next = text.indexOf('\n', at) + 1;
      rows += this.#anyRows({ ...block, start: start + at, bytes: bytes.subarray(at, next) }, range);
      at = next;
    }
    range.lines += common;
    range.understood += common;
    range.readings += common;
    range.stored += common;
    return rows;
  }

  /** Lines of any form. @returns their rows without a flag. */
  #anyRows({ file, start, bytes, watermark }: Block, range: ByteRange): string {
    let rows = '';
    for (const raw of splitLines(bytes, start))
      rows += this.#take(this.#decoder.decode(file, raw, watermark), range);
    return rows;
  }

  #take(line: BatchLine, range: ByteRange): string {
    countLine(range, line);
    range.stored += line.rows.length;
    if (line.rejection !== undefined || line.refusals.length > 0) this.rejected.push(line);
    let rows = '';
    for (const row of line.rows) {
      this.stale.add(row.sensorId, Math.floor(row.time / 1e6));
      if (row.found !== undefined) this.found.set(row.sensorId, row.found);
      if (isFlagged(row)) this.#flagged.push(`${loadedText(row)}\n`);
      else rows += `${unflaggedText(row)}\n`;
    }
    return rows;
  }
}

/** Cuts a block into pieces of whole lines. A line that is longer than a piece is one by itself. */
function* piecesOf({ start, bytes, ...rest }: Block): Generator<Block> {
  for (let at = 0, end: number; at < bytes.length; at = end) {
    end = at + PIECE_BYTES >= bytes.length ? bytes.length : bytes.lastIndexOf(0x0a, at + PIECE_BYTES) + 1;
    if (end <= at) end = bytes.indexOf(0x0a, at) + 1;
    yield { ...rest, start: start + at, bytes: bytes.subarray(at, end) };
  }
}

function byteRangeOf(
  { file, start, bytes, watermark: { newest } }: Block,
  decodedWith: string | undefined,
): ByteRange {
  const hash = start === 0 ? firstLineHash(bytes.subarray(0, bytes.indexOf(0x0a))) : null;
  const to = start + bytes.length;
  return { file, from: start, to, firstLineHash: hash, newest, decodedWith, ...emptyCounters() };
}
