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
 * @param allocate where the lines go.
 */
export function readLines(
  path: string,
  from: number,
  to: number,
  maxBytes: number,
  allocate: (bytes: number) => Buffer = Buffer.allocUnsafe,
): Buffer {
  const descriptor = openSync(path, 'r');
  try {
    for (let want = Math.min(to - from, maxBytes); ; want = Math.min(to - from, want * 4)) {
      const block = readBlock(descriptor, from, allocate(want));
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

/** Fills a block as far as the file goes. */
function readBlock(descriptor: number, from: number, block: Buffer): Buffer {
  let filled = 0;
  while (filled < block.length) {
    const read = readSync(descriptor, block, filled, block.length - filled, from + filled);
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
