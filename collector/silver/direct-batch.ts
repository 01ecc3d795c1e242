import { splitLines } from '../bronze/line-reader.ts';
import { canonicalLine } from '../canonical.ts';
import { formatTime, type Zone } from '../time.ts';
import type { Block } from './backlog.ts';
import { type BatchLine, prepareLine, rowText } from './batch.ts';
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

/** Decodes and judges the lines of some blocks in one pass, without an object for each. */
export function directBatch(blocks: Block[], zone: Zone, registry: Registry): DirectBatch {
  const batch = { rows: '', stretches: [] as Stretch[], rejected: [] as BatchLine[] };
  const stale = new StaleMinutes();
  for (const block of blocks) {
    const stretch = stretchOf(block);
    batch.stretches.push(stretch);
    batch.rows += rowsOf(block, stretch, batch.rejected, stale, zone, registry);
  }
  return {
    ...batch,
    rows: Buffer.from(batch.rows),
    staleMinutes: stale.minutes,
    staleSensors: stale.sensors,
  };
}

function rowsOf(
  { file, start, bytes }: Block,
  stretch: Stretch,
  rejected: BatchLine[],
  stale: StaleMinutes,
  zone: Zone,
  registry: Registry,
): string {
  const text = bytes.toString('latin1');
  let rows = '';
  for (let at = 0; at < text.length; stretch.lines++) {
    const match = canonicalLine(text, at);
    if (match !== null) {
      const [all, sensorId, time, value] = match as unknown as [string, string, string, string];
      rows += `${time}\t${sensorId}\t${value}\t${registry.qualityOf(sensorId, Number(value))}\n`;
      stale.add(sensorId, time);
      stretch.stored++;
      at += all.length;
      continue;
    }
    const end = text.indexOf('\n', at) + 1;
    const [raw] = splitLines(bytes.subarray(at, end), start + at);
    const line = prepareLine(file, raw!, zone, registry);
    if (line.row === undefined) {
      stretch.rejected++;
      rejected.push(line);
    } else {
      rows += `${rowText(line.row)}\n`;
      stale.add(line.row.sensorId, formatTime(line.row.time));
      stretch.stored++;
    }
    at = end;
  }
  return rows;
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
