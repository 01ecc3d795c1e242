import { setTimeout as sleep } from 'node:timers/promises';
import type { Recorder } from '../../collector/bronze/recorder.ts';
import type { Loader } from '../../collector/silver/loader.ts';
import type { Receipt } from '../../collector/source/sink.ts';
import { Checkpoints } from './checkpoints.ts';
import { type BadRow, FileImport } from './file-import.ts';
import type { Imported, ImportJournal } from './journal.ts';
import type { LineMaker } from './line-maker.ts';
import { readRows } from './read-rows.ts';
import { FileFlaw, type Selection } from './rows.ts';
import type { SourceFile } from './source-file.ts';

/** Bytes that may wait for the disk: a group of about a hundred thousand rows. */
const MOST_PENDING_BYTES = 8 * 1024 * 1024;
/**
 * Bytes that may be recorded and not loaded: what is read ahead of the database costs disk, and makes the progress say more than is
 * done; the loader reads them from memory still.
 */
const MOST_LEAD_BYTES = 64 * 1024 * 1024;
const LEAD_POLL_MS = 20;
/** No line is longer. */
const MOST_LINE_BYTES = 1024 * 1024;
/** Bad rows of a file that are shown. */
export const MOST_SHOWN = 5;

/** What became of a file. */
export interface Outcome {
  file: string;
  /**
   * `imported`; `present`: all of it was imported before; `refused`: it is not what it seems to be; `interrupted`: its rest comes
   * with the next run.
   */
  state: 'imported' | 'present' | 'refused' | 'interrupted';
  /** Rows of this run: recorded, and rejected. */
  recorded: number;
  rejected: number;
  /** Rows that an earlier run has imported. */
  before: number;
  /** Why it is refused. */
  reason?: string;
  /** The first of the rejected rows. */
  examples: BadRow[];
}

/** The outcome of a file of which nothing is known yet. */
export function nothingOf({ name }: SourceFile): Outcome {
  return { file: name, state: 'imported', recorded: 0, rejected: 0, before: 0, examples: [] };
}

/** The name in the journal of a content, read in a way. */
export function keyOf(identity: string, digest: string): string {
  return `${identity} ${digest}`;
}

/** Notes why a file is refused. @throws what is not the file's fault. */
export function refuse(outcome: Outcome, error: unknown): void {
  if (!(error instanceof FileFlaw)) throw error;
  outcome.state = 'refused';
  outcome.reason = error.message;
}

/** How files are read. */
export interface Reading {
  selection: Selection;
  maker: LineMaker;
  /** Tells ways to read a file apart that make different lines of it. */
  digest: string;
}

export interface ImportParts extends Reading {
  recorder: Recorder;
  loader: Loader;
  journal: ImportJournal;
  /** Ends the import after what is under way. */
  signal: AbortSignal;
  /** Is told what has been read since it was last told. */
  onProgress: (bytes: number, rows: number, file: string) => void;
}

/** Records the rows of files, one file after another, and keeps the journal of them. */
export class Import {
  readonly #parts: ImportParts;
  readonly #checkpoints: Checkpoints;
  readonly #memory = Buffer.allocUnsafe(MOST_LINE_BYTES);
  #receipt: Receipt | undefined;

  constructor(parts: ImportParts) {
    this.#parts = parts;
    this.#checkpoints = new Checkpoints(parts.journal);
  }

  /** Yields what became of each file. @throws errors of the disk, and of reading: the next run goes on there. */
  async *run(files: readonly SourceFile[]): AsyncGenerator<Outcome> {
    for (const file of files) {
      if (this.#parts.signal.aborted) break;
      yield await this.#file(file);
    }
    await this.#checkpoints.settleAll();
  }

  async #file(file: SourceFile): Promise<Outcome> {
    const { journal, digest, onProgress, maker } = this.#parts;
    const outcome = nothingOf(file);
    let rows: FileImport | undefined;
    try {
      const key = keyOf(await file.identity(), digest);
      const known = journal.get(key);
      outcome.before = known?.rows ?? 0;
      if (known?.done) {
        onProgress(file.bytes, 0, file.name);
        return { ...outcome, state: 'present' };
      }
      rows = new FileImport(maker, this.#sink(file, outcome), outcome.before);
      if (!(await this.#read(file, rows, key, known?.rejected ?? 0))) outcome.state = 'interrupted';
    } catch (error) {
      refuse(outcome, error);
    }
    return Object.assign(outcome, { recorded: rows?.taken ?? 0, rejected: rows?.rejected ?? 0 });
  }

  /** @returns whether it has come to the end of the file. */
  async #read(file: SourceFile, rows: FileImport, key: string, rejectedBefore: number): Promise<boolean> {
    const { signal, selection, onProgress } = this.#parts;
    let bytes = 0;
    const entry = (done: boolean): Imported => ({
      key,
      name: file.name,
      rows: rows.rows,
      rejected: rejectedBefore + rows.rejected,
      done,
      at: new Date().toISOString(),
    });
    for await (const some of readRows(file, selection, more => (bytes += more))) {
      rows.add(some);
      // What is held back is not on its way yet.
      if (rows.isDecided) this.#checkpoints.add(this.#receipt, entry(false));
      onProgress(bytes, some.lines.length, file.name);
      bytes = 0;
      await this.#room();
      if (signal.aborted) return false;
    }
    rows.end();
    this.#checkpoints.add(this.#receipt, entry(true));
    return true;
  }

  #sink(file: SourceFile, { examples }: Outcome) {
    const { recorder } = this.#parts;
    return {
      take: (line: string) => {
        const bytes = this.#memory.write(line);
        this.#receipt = recorder.record('', this.#memory.subarray(0, bytes));
      },
      reject: (row: BadRow) => {
        if (examples.length < MOST_SHOWN) examples.push(row);
        this.#receipt = recorder.reject(`import ${file.name}`, payloadOf(row), row.reason);
      },
    };
  }

  /** Waits until more can be taken. */
  async #room(): Promise<void> {
    const { recorder, loader, signal } = this.#parts;
    if (recorder.failure !== undefined) throw recorder.failure;
    while (recorder.pendingBytes > MOST_PENDING_BYTES) await this.#checkpoints.settleOldest();
    while (loader.status.pendingBytes > MOST_LEAD_BYTES && !signal.aborted) await sleep(LEAD_POLL_MS);
  }
}

/** What is kept of a row that is rejected. */
function payloadOf({ line, cells: [sensor, time, value] }: BadRow): Buffer {
  const text = (_: string, cell: unknown) => (typeof cell === 'bigint' ? String(cell) : cell);
  return Buffer.from(JSON.stringify({ line, sensor, time, value }, text));
}
