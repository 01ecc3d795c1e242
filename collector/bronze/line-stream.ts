import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { formOf } from './raw-file-name.ts';

const LF = 0x0a;
const CHUNK_BYTES = 256 * 1024;
const LEAST_CHUNK_BYTES = 4096;
/** What gzip makes of lines is about so much smaller. */
const COMPRESSION = 10;
/** No line of ours is as long; a file that has one is something else, and must not fill the memory. */
const MOST_LINE_BYTES = 16 * 1024 * 1024;

/** What is read from a file, piece by piece. */
export interface LinePiece {
  /** Whole lines with their line ends. */
  bytes: Buffer;
  /** Where they begin. */
  start: number;
  /** Bytes read from the disk so far; for a progress bar. */
  bytesRead: number;
}

/**
 * Reads a raw file, plain or gzipped, from its beginning, in constant memory. Offsets count uncompressed bytes.
 * @param lastLine what to do with a last line that has no line end: `skip` in files that are being appended to, `keep`
 * in files from elsewhere.
 * @param to read no further than this byte (of the uncompressed text).
 */
export async function* streamLines(
  path: string,
  lastLine: 'skip' | 'keep',
  to = Number.POSITIVE_INFINITY,
): AsyncGenerator<LinePiece> {
  const { size } = await stat(path);
  const file = createReadStream(path, { highWaterMark: chunkBytes(size) });
  const source =
    formOf(path) === 'compressed'
      ? file.pipe(createGunzip({ chunkSize: chunkBytes(COMPRESSION * size) }))
      : file;
  // Errors of the file do not reach the end of the pipe by themselves.
  if (source !== file) file.on('error', error => source.destroy(error));
  let rest = Buffer.alloc(0);
  let offset = 0;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      let block = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const last = offset + block.length >= to;
      if (last) block = block.subarray(0, to - offset);
      const end = block.lastIndexOf(LF) + 1;
      const bytes = block.subarray(0, end);
      rest = Buffer.from(block.subarray(end));
      const start = offset;
      offset += end;
      if (rest.length > MOST_LINE_BYTES)
        throw new Error(`no line end within ${MOST_LINE_BYTES} bytes of byte ${offset}`);
      if (end > 0) yield { bytes, start, bytesRead: file.bytesRead };
      if (last) return;
    }
    if (rest.length > 0 && lastLine === 'keep') {
      // It counts as ended: when the file grows, that begins with the line end it lacks.
      yield { bytes: Buffer.concat([rest, Buffer.of(LF)]), start: offset, bytesRead: file.bytesRead };
    }
  } finally {
    file.destroy();
  }
}

/** How much to read at once: of 10,000 small files, whole chunks would cost more to throw away than the files to read. */
function chunkBytes(size: number): number {
  return Math.min(CHUNK_BYTES, Math.max(LEAST_CHUNK_BYTES, size + 1));
}
