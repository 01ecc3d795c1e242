import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { errorText } from '../../base/errors.ts';
import { readCsv } from './csv.ts';
import { readJsonArray, readJsonLines } from './json.ts';
import { FileFlaw, type Rows, type Selection } from './rows.ts';
import type { SourceFile } from './source-file.ts';

const GZIP = Buffer.from([0x1f, 0x8b]);
const PARQUET = Buffer.from('PAR1');
const CHUNK_BYTES = 256 * 1024;

/**
 * Reads the rows of a file. What it is shows in its first bytes, whatever its name: CSV, JSON (an array of objects), JSON
 * Lines, each also in gzip, or Parquet.
 * @param onBytes is told how many bytes of the file have been read since it was last told.
 * @throws {FileFlaw} where it is not what it seems to be.
 */
export async function* readRows(
  file: SourceFile,
  selection: Selection,
  onBytes: (bytes: number) => void = () => undefined,
): AsyncGenerator<Rows> {
  let { first, chunks } = await peek(counted(file.read(), onBytes));
  if (first.subarray(0, 4).equals(PARQUET)) {
    await chunks.return(undefined);
    const { readParquet } = await import('./parquet.ts');
    return yield* readParquet(file, selection, onBytes);
  }
  if (first.subarray(0, 2).equals(GZIP)) ({ first, chunks } = await peek(gunzip(chunks)));
  if (first.subarray(0, 4).equals(PARQUET))
    throw new FileFlaw(undefined, 'Parquet within gzip is not read: unpack it; Parquet is compressed itself');
  const start = String.fromCharCode(first.find(byte => byte > 0x20 && !BOM.includes(byte)) ?? 0);
  const read = { '[': readJsonArray, '{': readJsonLines }[start] ?? readCsv;
  yield* read(chunks, selection);
}

const BOM = [0xef, 0xbb, 0xbf];

async function* counted(
  chunks: AsyncIterable<Buffer>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    onBytes(chunk.length);
    yield chunk;
  }
}

/** The first chunk, and all of them. */
async function peek(
  from: AsyncGenerator<Buffer>,
): Promise<{ first: Buffer; chunks: AsyncGenerator<Buffer> }> {
  const { value } = await from.next();
  const first = (value as Buffer | undefined) ?? Buffer.alloc(0);
  const all = async function* () {
    try {
      if (first.length > 0) yield first;
      yield* from;
    } finally {
      await from.return(undefined);
    }
  };
  return { first, chunks: all() };
}

async function* gunzip(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const source = Readable.from(chunks, { objectMode: false });
  const unpacked = createGunzip({ chunkSize: CHUNK_BYTES });
  source.on('error', error => unpacked.destroy(error));
  try {
    yield* source.pipe(unpacked);
  } catch (error) {
    if (!/^Z_/.test(String((error as NodeJS.ErrnoException).code))) throw error;
    throw new FileFlaw(undefined, `the gzip is damaged, or ends too early (${errorText(error)})`);
  } finally {
    source.destroy();
    unpacked.destroy();
  }
}
