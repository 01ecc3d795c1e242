import { closeSync, openSync, readSync } from 'node:fs';

const LF = 0x0a;

/** A line without its line end, and where it begins and the next one begins, in bytes. */
export interface RawLine {
  bytes: Buffer;
  start: number;
  end: number;
}

/**
 * Reads whole lines of `path` from byte `from` on, never beyond `to`: about `maxBytes`, but at least one line.
 *
 * Synchronous, as it runs in a thread of its own that has nothing else to do meanwhile.
 */
export function readLines(path: string, from: number, to: number, maxBytes: number): RawLine[] {
  const descriptor = openSync(path, 'r');
  try {
    for (let want = Math.min(to - from, maxBytes); ; want = Math.min(to - from, want * 4)) {
      const block = readBlock(descriptor, from, want);
      const end = block.lastIndexOf(LF) + 1;
      if (end > 0 || want === to - from) return split(block.subarray(0, end), from);
    }
  } finally {
    closeSync(descriptor);
  }
}

/** The first line of a file, with its line end; undefined while there is none. */
export function readFirstLine(path: string, to: number): Buffer | undefined {
  const [first] = readLines(path, 0, to, 512);
  return first?.bytes;
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

function split(block: Buffer, offset: number): RawLine[] {
  const lines: RawLine[] = [];
  for (let start = 0; start < block.length; ) {
    const at = block.indexOf(LF, start);
    lines.push({ bytes: block.subarray(start, at), start: offset + start, end: offset + at + 1 });
    start = at + 1;
  }
  return lines;
}
