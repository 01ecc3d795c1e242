import { closeSync, openSync, writeSync } from 'node:fs';
import { zstdCompressSync } from 'node:zlib';
import { ByteWriter, type ColumnSource, ParquetWriter, type SchemaElement } from 'hyparquet-writer';

/** Rows of a row group, which are in memory at once: some 20 MB. Fewer compress worse, and more take no less time. */
const GROUP_ROWS = 65_536;
/** What is written to the disk at once. */
const PIECE_BYTES = 1024 * 1024;

/** What a column holds: `time` are microseconds since 1970, `whole` whole numbers up to 2^53. Each may be null where it may. */
type Kind = 'text' | 'time' | 'double' | 'whole' | 'flag';

export interface ParquetColumn {
  name: string;
  kind: Kind;
  optional?: boolean;
}

export type Cell = string | number | boolean | null;

const elements: Record<Kind, Omit<SchemaElement, 'name'>> = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  // Without the older converted_type, beside which the writer would convert each value.
  time: { type: 'INT64', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' } },
  double: { type: 'DOUBLE' },
  whole: { type: 'INT64' },
  flag: { type: 'BOOLEAN' },
};

/** Times and offsets ascend: a few bits each as differences. For the others the writer weighs a dictionary. */
const encodings: Partial<Record<Kind, ColumnSource['encoding']>> = {
  time: 'DELTA_BINARY_PACKED',
  whole: 'DELTA_BINARY_PACKED',
};

/**
 * Writes a Parquet file row by row, in constant memory, compressed by Zstandard. Synchronous: it is meant for threads and commands that
 * have nothing else to do. Until `end` it is no Parquet file.
 */
export class ParquetFile implements Disposable {
  readonly #columns: readonly ParquetColumn[];
  readonly #descriptor: number;
  readonly #bytes = new ByteWriter();
  readonly #writer: ParquetWriter;
  #cells: Cell[][];
  /** Rows so far. */
  rows = 0;

  /** Makes the file; one that is there is replaced. */
  constructor(path: string, columns: readonly ParquetColumn[]) {
    this.#columns = columns;
    this.#cells = columns.map(() => []);
    this.#descriptor = openSync(path, 'w');
    const bytes = this.#bytes;
    const ensure = bytes.ensure.bind(bytes);
    bytes.ensure = size => {
      if (bytes.index > PIECE_BYTES) this.#flush();
      ensure(size);
    };
    bytes.finish = () => this.#flush();
    this.#writer = new ParquetWriter({
      writer: bytes,
      schema: schemaOf(columns),
      codec: 'ZSTD',
      compressors: { ZSTD: input => zstdCompressSync(input) },
      createdBy: 'sluice',
    });
  }

  /** @param row a cell for each column. */
  add(row: readonly Cell[]): void {
    for (let column = 0; column < row.length; column++) this.#cells[column]!.push(row[column]!);
    this.rows++;
    if (this.#cells[0]!.length >= GROUP_ROWS) this.#writeGroup();
  }

  /** Writes what is left, and the footer. */
  end(): void {
    if (this.#cells[0]!.length > 0) this.#writeGroup();
    void this.#writer.finish();
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }

  #writeGroup(): void {
    const columnData = this.#columns.map(({ name, kind }, index): ColumnSource => {
      const cells = this.#cells[index]!;
      const encoding = encodings[kind];
      return {
        name,
        data:
          encoding === undefined ? cells : cells.map(cell => (cell === null ? null : BigInt(cell as number))),
        ...(encoding === undefined ? {} : { encoding }),
      };
    });
    void this.#writer.write({ columnData, rowGroupSize: GROUP_ROWS });
    this.#cells = this.#columns.map(() => []);
  }

  #flush(): void {
    const piece = new Uint8Array(this.#bytes.buffer, 0, this.#bytes.index);
    for (let at = 0; at < piece.length; ) at += writeSync(this.#descriptor, piece, at);
    this.#bytes.index = 0;
  }
}

function schemaOf(columns: readonly ParquetColumn[]): SchemaElement[] {
  return [
    { name: 'sluice', num_children: columns.length },
    ...columns.map(
      ({ name, kind, optional = false }): SchemaElement => ({
        name,
        repetition_type: optional ? 'OPTIONAL' : 'REQUIRED',
        ...elements[kind],
      }),
    ),
  ];
}
