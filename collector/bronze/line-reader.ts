import { closeSync, openSync, readSync } from 'node:fs';

const LF = 0x0a;

/** A line without its line end, and where it begins and the next one begins, in bytes. */
export interface RawLine {
  bytes: Buffer;
  start: number;
  end: number;
}

/**
 * Reads whole lines of `path` from byte `from` on, never beyond `to`: about `maxBytes`, but at least one line. Empty when
 * there is no whole line.
 *
 * Synchronous, as it runs in a thread of its own that has nothing else to do meanwhile.
 */
export function readLines(path: string, from: number, to: number, maxBytes: number): Buffer {
  const descriptor = openSync(path, 'r');
  try {
    for (let want = Math.min(to - from, maxBytes); ; want = Math.min(to - from, want * 4)) {
      const block = readBlock(descriptor, from, want);
      const end = block.lastIndexOf(LF) + 1;
      if (end > 0 || want === to - from) return block.subarray(0, end);
    }
  } finally {
    closeSync(descriptor);
  }
}

/** The first line of a file, without its line end; undefined while there is none. */
export function readFirstLine(path: string, to: number): Buffer | undefined {
  return splitLines(readLines(path, 0, to, 512), 0)[0]?.bytes;
}

function readBlock(descriptor: number, from: number, length: number): Buffer {
  const block = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const read = readSync(descriptor, block, filled, length - filled, from + filled);
    if (read === 0) break;
    filled += read;
  }
  return block.subarray(0, filled);
}

/** The whole lines of a block that begins at byte `offset` of its file. */
export function splitLines(block: Buffer, offset: number): RawLine[] {
  const lines: RawLine[] = [];
  for (let start = 0; ; ) {
    const at = block.indexOf(LF, start);
    if (at < 0) return lines;
    lines.push({ bytes: block.subarray(start, at), start: offset + start, end: offset + at + 1 });
    start = at + 1;
  }
}
