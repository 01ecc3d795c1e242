import type { Zone } from '../../base/time.ts';
import { splitLines } from '../bronze/line-reader.ts';
import { canonicalLine, canonicalSecond } from '../payload/canonical.ts';
import { type BatchLine, markLate, prepareLine } from './batch.ts';
import type { Block } from './block.ts';
import { type ByteRange, emptyCounters } from './byte-range.ts';
import { firstLineHash } from './ledger.ts';
import { isFlagged, loadedText, unflaggedText } from './reading-columns.ts';
import type { Registry } from './registry.ts';

/** Lines become rows in pieces of about this size. The text of a whole block would be a large object, which V8 keeps for long. */
const PIECE_BYTES = 32 * 1024;

/**
 * A batch as COPY takes it, on the hope that silver has none of its keys yet. Its lines are decoded while its rows are sent:
 * the database stores the ones while we decode the next. Of the rest nothing is known before `rows` has come to its end.
 */
export class DirectBatch {
  readonly #blocks: readonly Block[];
  readonly #zone: Zone;
  readonly #registry: Registry;
  readonly #flagged: string[] = [];
  readonly #stale = new StaleMinutes();
  /** Files and bytes are known from the beginning. */
  readonly ranges: ByteRange[];
  readonly rejected: BatchLine[] = [];

  /** @param blocks their watermarks are moved behind their lines. */
  constructor(blocks: readonly Block[], zone: Zone, registry: Registry) {
    this.#blocks = blocks;
    this.#zone = zone;
    this.#registry = registry;
    this.ranges = blocks.map(byteRangeOf);
  }

  /** The rows without a flag, in COPY's text format with the columns of `unflaggedColumns`. Decodes and judges in one pass, without an object for each. */
  *rows(): Generator<Buffer> {
    let rows = '';
    for (const [index, block] of this.#blocks.entries()) {
      const range = this.ranges[index]!;
      for (const piece of piecesOf(block)) {
        rows += this.#rowsOf(piece, range);
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

  /** Minutes of the rows; of each the sensor stands at the same place in `staleSensors`. */
  get staleMinutes(): readonly string[] {
    return this.#stale.minutes;
  }

  get staleSensors(): readonly string[] {
    return this.#stale.sensors;
  }

  #rowsOf({ file, start, bytes, watermark }: Block, range: ByteRange): string {
    const text = bytes.toString('latin1');
    let rows = '';
    for (let at = 0; at < text.length; range.lines++) {
      const match = canonicalLine(text, at);
      if (match !== null) {
        const [all, sensorId, time, value] = match as unknown as [string, string, string, string];
        const second = canonicalSecond(time);
        // What is late is rare, and has a further column.
        if (!watermark.isLate(sensorId, second, start + at)) {
          rows += `${time}\t${sensorId}\t${value}\t${this.#registry.qualityOf(sensorId, Number(value))}\n`;
          this.#stale.add(sensorId, second);
          range.stored++;
          at += all.length;
          continue;
        }
      }
      const next = text.indexOf('\n', at) + 1;
      const [raw] = splitLines(bytes.subarray(at, next), start + at);
      const line = prepareLine(file, raw!, this.#zone, this.#registry);
      markLate(line, watermark);
      rows += this.#take(line, range);
      at = next;
    }
    return rows;
  }

  /** Takes in any line. @returns its row, unless it has a flag or there is none. */
  #take(line: BatchLine, range: ByteRange): string {
    if (line.row === undefined) {
      range.rejected++;
      this.rejected.push(line);
      return '';
    }
    range.stored++;
    this.#stale.add(line.row.sensorId, Math.floor(line.row.time / 1e6));
    if (!isFlagged(line.row)) return `${unflaggedText(line.row)}\n`;
    this.#flagged.push(`${loadedText(line.row)}\n`);
    return '';
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

function byteRangeOf({ file, start, bytes, watermark: { newest } }: Block): ByteRange {
  const hash = start === 0 ? firstLineHash(bytes.subarray(0, bytes.indexOf(0x0a))) : null;
  return { file, from: start, to: start + bytes.length, firstLineHash: hash, newest, ...emptyCounters() };
}

/** Minutes that readings fall into. Those of a sensor come in order, mostly, so remembering its last one is enough. */
class StaleMinutes {
  readonly minutes: string[] = [];
  readonly sensors: string[] = [];
  readonly #last = new Map<string, number>();
  #sensorId = '';
  #minute = 0;

  /** @param second since 1970. */
  add(sensorId: string, second: number): void {
    const minute = second - (second % 60);
    if (minute === this.#minute && sensorId === this.#sensorId) return;
    this.#minute = minute;
    this.#sensorId = sensorId;
    if (this.#last.get(sensorId) === minute) return;
    this.#last.set(sensorId, minute);
    this.minutes.push(new Date(minute * 1000).toISOString());
    this.sensors.push(sensorId);
  }
}
