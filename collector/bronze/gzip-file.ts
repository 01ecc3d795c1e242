import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { crc32, createDeflateRaw, createGunzip } from 'node:zlib';
import { FILE_MODE } from './append-file.ts';

const CHUNK_BYTES = 256 * 1024;

/*
 * RFC 1952. What the header says besides "gzip" is one extra field of ours, "SL": the length of the text as 64 bits. The
 * length at the end of every gzip file is modulo 2^32, and a day of a fast sensor may have more.
 */
const FIXED = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255]);
const FIELD = Buffer.from([12, 0, 0x53, 0x4c, 8, 0]);
const LENGTH_AT = FIXED.length + FIELD.length;
const HEADER_BYTES = LENGTH_AT + 8;

/** A gzip file that does not hold what it should. */
export class GzipFileError extends Error {
  constructor(path: string, what: string, cause?: unknown) {
    super(`The compressed file ${path} ${what}`, { cause });
    this.name = 'GzipFileError';
  }
}

/**
 * Compresses the first `bytes` bytes of a file, syncs the result, reads it back and compares it with what was read.
 * @throws {GzipFileError} where it says something else; errors of the disk as they are.
 */
export async function writeGzip(
  source: string,
  target: string,
  bytes: number,
  signal?: AbortSignal,
): Promise<void> {
  const digest = createHash('sha256');
  let sum = 0;
  let read = 0;
  await pipeline(
    createReadStream(source, { end: bytes - 1, highWaterMark: CHUNK_BYTES }),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        digest.update(chunk);
        sum = crc32(chunk, sum);
        read += chunk.length;
        yield chunk;
      }
    },
    createDeflateRaw({ chunkSize: CHUNK_BYTES }),
    async function* (chunks: AsyncIterable<Buffer>) {
      yield header(bytes);
      yield* chunks;
      yield trailer(sum, bytes);
    },
    createWriteStream(target, { flush: true, mode: FILE_MODE }),
    { signal },
  );
  const back = await readBack(target);
  if (read !== bytes || back.bytes !== bytes || back.digest !== digest.digest('hex'))
    throw new GzipFileError(target, `does not say what ${source} says`);
}

/**
 * Writes the text of a gzip file into a new file, and syncs it. @returns its length.
 * @throws {GzipFileError} where it is damaged; errors of the disk as they are.
 */
export async function writeGunzipped(source: string, target: string): Promise<number> {
  let bytes = 0;
  await pipeline(
    createReadStream(source, { highWaterMark: CHUNK_BYTES }),
    createGunzip({ chunkSize: CHUNK_BYTES }),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        bytes += chunk.length;
        yield chunk;
      }
    },
    createWriteStream(target, { flush: true, mode: FILE_MODE }),
  ).catch(error => {
    throw damaged(source, error);
  });
  return bytes;
}

/**
 * How long the text of a gzip file is. Files of ours say so in their header; others are read to their end.
 * @throws {GzipFileError} where it is damaged; errors of the disk as they are.
 */
export async function gunzippedLength(path: string): Promise<number> {
  const handle = await open(path, 'r');
  const start = Buffer.alloc(HEADER_BYTES);
  try {
    await handle.read(start, 0, HEADER_BYTES, 0);
  } finally {
    await handle.close();
  }
  const ours = start.subarray(0, LENGTH_AT).equals(Buffer.concat([FIXED, FIELD]));
  return ours ? Number(start.readBigUInt64LE(LENGTH_AT)) : (await readBack(path)).bytes;
}

/** How long the text of a gzip file is, which is read to its end. @throws as `gunzippedLength`. */
export async function textLength(path: string): Promise<number> {
  return (await readBack(path)).bytes;
}

async function readBack(path: string): Promise<{ bytes: number; digest: string }> {
  const digest = createHash('sha256');
  let bytes = 0;
  await pipeline(createReadStream(path, { highWaterMark: CHUNK_BYTES }), createGunzip(), async chunks => {
    for await (const chunk of chunks as AsyncIterable<Buffer>) {
      digest.update(chunk);
      bytes += chunk.length;
    }
  }).catch(error => {
    throw damaged(path, error);
  });
  return { bytes, digest: digest.digest('hex') };
}

/** Errors of zlib are the file's; all others the disk's. */
function damaged(path: string, error: NodeJS.ErrnoException): Error {
  return error.code?.startsWith('Z_')
    ? new GzipFileError(path, `is damaged: ${error.message}`, error)
    : error;
}

function header(bytes: number): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes));
  return Buffer.concat([FIXED, FIELD, length]);
}

function trailer(sum: number, bytes: number): Buffer {
  const end = Buffer.alloc(8);
  end.writeUInt32LE(sum, 0);
  end.writeUInt32LE(bytes % 2 ** 32, 4);
  return end;
}
