import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Decoder, UNKNOWN_ARRIVAL } from '../payload/decoder.ts';
import { type LateMark, readLateMarks } from './late-marks.ts';
import { splitLines } from './line-reader.ts';
import { streamLines } from './line-stream.ts';
import { compressedPath, type RawFileName } from './raw-file-name.ts';
import { Watermark } from './watermark.ts';

const TAIL_BYTES = 4096;

/**
 * The second (since 1970) of the newest reading of a raw file: mostly one of the last; where those are not newer than
 * `doubtful`, all of it is read. Where nobody can tell, the begin of its day has to do. Readings that were ahead of the
 * clock do not count.
 * @param decoder of plain messages.
 * @returns -1 where all of them were ahead of the clock.
 */
export async function newestReading(
  dataDir: string,
  name: RawFileName,
  decoder: Decoder,
  doubtful: number,
): Promise<number> {
  const path = join(dataDir, name.path);
  const { day } = name;
  const marks = readLateMarks(path);
  if (marks.some(({ aheadOf }) => aheadOf !== undefined)) {
    return newestByMarks(path, decoder, marks)
      .catch(() => newestByMarks(compressedPath(path), decoder, marks))
      .catch(() => day);
  }
  let newest = await newestOfTail(path, decoder).catch(() => day);
  // Out of order, its newest reading may be none of the last.
  if (newest < doubtful) {
    newest = await newestOf(path, decoder)
      .catch(() => newestOf(compressedPath(path), decoder))
      .catch(() => day);
  }
  return Math.max(day, newest);
}

/** The newest reading of a file whose marks say which of them were ahead of the clock. */
async function newestByMarks(path: string, decoder: Decoder, marks: readonly LateMark[]): Promise<number> {
  const watermark = new Watermark({ lateMinutes: 0, marks });
  for await (const { bytes, start } of streamLines(path, 'skip')) {
    for (const line of splitLines(bytes, start)) {
      const readings = decoder.decode('', line.bytes, UNKNOWN_ARRIVAL);
      if (typeof readings === 'string') continue;
      for (const { sensorId, time } of readings)
        watermark.isLate(sensorId, Math.floor(time / 1e6), line.start);
    }
  }
  return watermark.newest ?? -1;
}

async function newestOfTail(path: string, decoder: Decoder): Promise<number> {
  await using file = await open(path);
  const { size } = await file.stat();
  const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
  const { bytesRead } = await file.read(tail, 0, tail.length, size - tail.length);
  return newestIn(tail.subarray(0, bytesRead), decoder);
}

async function newestOf(path: string, decoder: Decoder): Promise<number> {
  let newest = 0;
  for await (const { bytes } of streamLines(path, 'skip'))
    newest = Math.max(newest, newestIn(bytes, decoder));
  return newest;
}

function newestIn(lines: Buffer, decoder: Decoder): number {
  let newest = 0;
  for (const { bytes } of splitLines(lines, 0)) {
    const readings = decoder.decode('', bytes, UNKNOWN_ARRIVAL);
    if (typeof readings === 'string') continue;
    for (const { time } of readings) newest = Math.max(newest, Math.floor(time / 1e6));
  }
  return newest;
}
