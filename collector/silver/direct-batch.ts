import { splitLines } from '../bronze/line-reader.ts';
import { canonicalLine, canonicalSecond } from '../canonical.ts';
import type { Zone } from '../time.ts';
import { type BatchLine, judgeLate, prepareLine, rowText } from './batch.ts';
import type { Block } from './block-store.ts';
import { firstLineHash } from './ledger.ts';
import type { Registry } from './registry.ts';
import { emptyTally, type Stretch } from './stretch.ts';

/** A batch as COPY takes it, on the hope that silver has none of its keys yet. */
export interface DirectBatch {
  /** Rows in COPY's text format: time, sensor_id, value, quality. */
  rows: Buffer;
  /** Those of them that are late stand here, with a further column `late`. */
  lateRows: Buffer;
  stretches: Stretch[];
  rejected: BatchLine[];
  /** Minutes and sensors of the rows, side by side. */
  staleMinutes: string[];
  staleSensors: string[];
}

/** Lines become text in pieces of this size. The text of a whole block would be a large object, which V8 keeps for long. */
const PIECE_BYTES = 32 * 1024;

/** Rows are about as long as their lines; where they are longer, the memory grows. */
let memory = Buffer.allocUnsafeSlow(1024 * 1024);

/**
 * Decodes and judges the lines of some blocks in one pass, without an object for each.
 * @param blocks their watermarks are moved behind their lines.
 * @returns a batch whose rows are overwritten by the next call.
 */
export function directBatch(blocks: readonly Block[], zone: Zone, registry: Registry): DirectBatch {
  const stretches: Stretch[] = [];
  const rejected: BatchLine[] = [];
  const lateRows: string[] = [];
  const stale = new StaleMinutes();
  let length = 0;
  for (const block of blocks) {
    const stretch = stretchOf(block);
    stretches.push(stretch);
    for (const piece of piecesOf(block)) {
      length = writeRows(piece, length, stretch, rejected, lateRows, stale, zone, registry);
    }
    stretch.newest = block.watermark.newest;
  }
  return {
    rows: memory.subarray(0, length),
    lateRows: Buffer.from(lateRows.join('')),
    stretches,
    rejected,
    staleMinutes: stale.minutes,
    staleSensors: stale.sensors,
  };
}

/** Cuts a block into pieces of whole lines. A line that is longer than a piece is one by itself. */
function* piecesOf({ start, bytes, ...rest }: Block): Generator<Block> {
  for (let at = 0, end: number; at < bytes.length; at = end) {
    end = at + PIECE_BYTES >= bytes.length ? bytes.length : bytes.lastIndexOf(0x0a, at + PIECE_BYTES) + 1;
    if (end <= at) end = bytes.indexOf(0x0a, at) + 1;
    yield { ...rest, start: start + at, bytes: bytes.subarray(at, end) };
  }
}

/** Writes the rows of a block that are not late into `memory`, from byte `length` on. @returns where they end. */
function writeRows(
  { file, start, bytes, watermark }: Block,
  length: number,
  stretch: Stretch,
  rejected: BatchLine[],
  lateRows: string[],
  stale: StaleMinutes,
  zone: Zone,
  registry: Registry,
): number {
  const text = bytes.toString('latin1');
  let end = length;
  for (let at = 0; at < text.length; stretch.lines++) {
    const match = canonicalLine(text, at);
    if (match !== null) {
      const [all, sensorId, time, value] = match as unknown as [string, string, string, string];
      const second = canonicalSecond(time);
      const row = `${time}\t${sensorId}\t${value}\t${registry.qualityOf(sensorId, Number(value))}`;
      if (watermark.isLate(sensorId, second, start + at)) lateRows.push(`${row}\tt\n`);
      else end = writeRow(`${row}\n`, end);
      stale.add(sensorId, second);
      stretch.stored++;
      at += all.length;
      continue;
    }
    const next = text.indexOf('\n', at) + 1;
    const [raw] = splitLines(bytes.subarray(at, next), start + at);
    const line = prepareLine(file, raw!, zone, registry);
    judgeLate(line, watermark);
    if (line.row === undefined) {
      stretch.rejected++;
      rejected.push(line);
    } else {
      const row = rowText(line.row);
      if (line.row.late) lateRows.push(`${row}\tt\n`);
      else end = writeRow(`${row}\n`, end);
      stale.add(line.row.sensorId, Math.floor(line.row.time / 1e6));
      stretch.stored++;
    }
    at = next;
  }
  return end;
}

/** Writes a row at byte `at` of `memory`. @returns where it ends. */
function writeRow(row: string, at: number): number {
  // A UTF-16 unit is at most three bytes of UTF-8.
  if (at + row.length * 3 > memory.length) {
    const larger = Buffer.allocUnsafeSlow(memory.length * 2 + row.length * 3);
    memory.copy(larger, 0, 0, at);
    memory = larger;
  }
  return at + memory.write(row, at);
}

function stretchOf({ file, start, bytes, watermark: { newest } }: Block): Stretch {
  const hash = start === 0 ? firstLineHash(bytes.subarray(0, bytes.indexOf(0x0a))) : null;
  return { file, from: start, to: start + bytes.length, firstLineHash: hash, newest, ...emptyTally() };
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
