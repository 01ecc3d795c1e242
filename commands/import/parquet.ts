import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { type FileMetaData, parquetMetadataAsync, parquetRead, parquetSchema } from 'hyparquet';
import { errorText } from '../../base/errors.ts';
import { ObjectStoreError } from '../../base/objects/error.ts';
import { formatTime } from '../../base/time.ts';
import { FileFlaw, RowBuilder, type Rows, type Selection } from './rows.ts';
import type { SourceFile } from './source-file.ts';

/** Rows that are handed on at once. */
const STEP_ROWS = 20_000;

/** What hyparquet leaves to others; Snappy it has itself. */
const compressors = {
  GZIP: (bytes: Uint8Array) => gunzipSync(bytes),
  ZSTD: (bytes: Uint8Array) => zstdDecompressSync(bytes),
  BROTLI: (bytes: Uint8Array) => brotliDecompressSync(bytes),
};

/** Times with all their microseconds: a Date has none. */
const parsers = {
  timestampFromMilliseconds: (millis: bigint) => formatTime(Number(millis) * 1000),
  timestampFromMicroseconds: (micros: bigint) => formatTime(Number(micros)),
  timestampFromNanoseconds: (nanos: bigint) => formatTime(Number(nanos / 1000n)),
};

/**
 * Reads a Parquet file: of each row group only the wanted columns. `lines` are rows, from 1.
 * @throws {FileFlaw} where it cannot be read, or lacks a column.
 */
export async function* readParquet(
  file: SourceFile,
  selection: Selection,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Rows> {
  const reader = new ParquetReader(file, selection);
  await reader.open();
  for (const { rows, bytes } of reader.groups) {
    const columns = await reader.read(rows);
    onBytes(bytes);
    for (let from = 0; from < columns[0]!.length; from += STEP_ROWS) {
      const some = new RowBuilder(0);
      columns.forEach((column, slot) => {
        some.cells[slot] = column.slice(from, from + STEP_ROWS);
      });
      for (let row = 0; row < some.cells[0]!.length; row++) some.lines.push(rows.from + from + row + 1);
      yield some;
    }
  }
}

interface RowRange {
  from: number;
  to: number;
}

class ParquetReader {
  readonly #file: SourceFile;
  readonly #selection: Selection;
  readonly #bytes: { byteLength: number; slice: (from: number, to?: number) => Promise<ArrayBuffer> };
  #metadata: FileMetaData | undefined;
  #columns: string[] = [];
  /** Columns of times that say no more than what a clock on the wall does. */
  #isLocal: boolean[] = [];

  constructor(file: SourceFile, selection: Selection) {
    this.#file = file;
    this.#selection = selection;
    this.#bytes = {
      byteLength: file.bytes,
      slice: async (from, to = file.bytes) => {
        const bytes = await file.range(from, to);
        return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
      },
    };
  }

  async open(): Promise<void> {
    this.#metadata = await explained(parquetMetadataAsync(this.#bytes, { parsers }));
    // Columns of columns are none of measurements.
    const plain = parquetSchema(this.#metadata)
      .children.filter(({ children }) => children.length === 0)
      .map(({ element }) => element);
    const names = plain.map(({ name }) => name);
    const chosen = this.#selection.placesIn(names).map(place => plain[place]!);
    this.#columns = chosen.map(({ name }) => name);
    this.#isLocal = chosen.map(
      ({ logical_type: type }) => type?.type === 'TIMESTAMP' && !type.isAdjustedToUTC,
    );
  }

  /** The row groups, each with about what it has of the file. */
  get groups(): { rows: RowRange; bytes: number }[] {
    let from = 0;
    const all = Number(this.#metadata!.num_rows);
    return this.#metadata!.row_groups.map(({ num_rows: count }) => {
      const rows = { from, to: from + Number(count) };
      from = rows.to;
      return { rows, bytes: Math.round((this.#file.bytes * Number(count)) / Math.max(1, all)) };
    });
  }

  /** The wanted columns of a row group. */
  async read({ from, to }: RowRange): Promise<unknown[][]> {
    const byName = new Map(this.#columns.map(name => [name, new Array<unknown>(to - from)]));
    await explained(
      parquetRead({
        file: this.#bytes,
        metadata: this.#metadata!,
        columns: [...byName.keys()],
        rowStart: from,
        rowEnd: to,
        compressors,
        parsers,
        onChunk: ({ columnName, columnData, rowStart }) => {
          const column = byName.get(columnName)!;
          for (let row = 0; row < columnData.length; row++) column[rowStart - from + row] = columnData[row];
        },
      }),
    );
    return this.#columns.map((name, slot) => {
      const column = byName.get(name)!;
      return this.#isLocal[slot]
        ? column.map(time => (typeof time === 'string' ? time.slice(0, -1) : time))
        : column;
    });
  }
}

/** What hyparquet says is about the file, unless it comes from whoever reads the bytes. */
async function explained<T>(task: Promise<T>): Promise<T> {
  try {
    return await task;
  } catch (error) {
    if (error instanceof FileFlaw || error instanceof ObjectStoreError) throw error;
    throw new FileFlaw(undefined, `the Parquet file cannot be read: ${errorText(error)}`);
  }
}
