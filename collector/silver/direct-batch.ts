import { splitLines } from '../bronze/line-reader.ts';
import { canonicalLine } from '../canonical.ts';
import { formatTime, type Zone } from '../time.ts';
import { type BatchLine, prepareLine, rowText } from './batch.ts';
import type { Block } from './block-store.ts';
import { firstLineHash } from './ledger.ts';
import type { Registry } from './registry.ts';
import { emptyTally, type Stretch } from './stretch.ts';

/** A batch as COPY takes it, on the hope that silver has none of its keys yet. */
export interface DirectBatch {
  /** Rows in COPY's text format: time, sensor_id, value, quality. */
  rows: Buffer;
  stretches: Stretch[];
  rejected: BatchLine[];
  /** Minutes and sensors of the rows, side by side. */
  staleMinutes: string[];
  staleSensors: string[];
}

/** Rows are about as long as their lines; where they are longer, the memory grows. */
let memory = Buffer.allocUnsafeSlow(1024 * 1024);

/**
 * Decodes and judges the lines of some blocks in one pass, without an object for each.
 * @returns a batch whose rows are overwritten by the next call.
 */
export function directBatch(blocks: readonly Block[], zone: Zone, registry: Registry): DirectBatch {
  const stretches: Stretch[] = [];
  const rejected: BatchLine[] = [];
  const stale = new StaleMinutes();
  let length = 0;
  for (const block of blocks) {
    const stretch = stretchOf(block);
    stretches.push(stretch);
    length = writeRows(block, length, stretch, rejected, stale, zone, registry);
  }
  return {
    rows: memory.subarray(0, length),
    stretches,
    rejected,
    staleMinutes: stale.minutes,
    staleSensors: stale.sensors,
  };
}

/** Writes the rows of a block into `memory`, from byte `length` on. @returns where they end. */
function writeRows(
  { file, start, bytes }: Block,
  length: number,
  stretch: Stretch,
  rejected: BatchLine[],
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
      end = writeRow(`${time}\t${sensorId}\t${value}\t${registry.qualityOf(sensorId, Number(value))}\n`, end);
      stale.add(sensorId, time);
      stretch.stored++;
      at += all.length;
      continue;
    }
    const next = text.indexOf('\n', at) + 1;
    const [raw] = splitLines(bytes.subarray(at, next), start + at);
    const line = prepareLine(file, raw!, zone, registry);
    if (line.row === undefined) {
      stretch.rejected++;
      rejected.push(line);
    } else {
      end = writeRow(`${rowText(line.row)}\n`, end);
      stale.add(line.row.sensorId, formatTime(line.row.time));
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

function stretchOf({ file, start, bytes }: Block): Stretch {
  const hash = start === 0 ? firstLineHash(bytes.subarray(0, bytes.indexOf(0x0a))) : null;
  return { file, from: start, to: start + bytes.length, firstLineHash: hash, ...emptyTally() };
}

/** Minutes that readings fall into. Those of a sensor come in order, mostly, so remembering its last one is enough. */
class StaleMinutes {
  readonly minutes: string[] = [];
  readonly sensors: string[] = [];
  readonly #last = new Map<string, string>();

  /** @param time UTC, as ISO 8601. */
  add(sensorId: string, time: string): void {
    const minute = time.slice(0, 16);
    if (this.#last.get(sensorId) === minute) return;
    this.#last.set(sensorId, minute);
    this.minutes.push(`${minute}Z`);
    this.sensors.push(sensorId);
  }
}
