import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeDrafts, writeAtomically } from '../../base/atomic-file.ts';

/** How far a file has been imported. */
export interface Imported {
  /** What was read, and how: `SourceFile.identity` and a digest of the options. */
  key: string;
  /** As the file was called, for people. */
  name: string;
  /** So many of its rows, from the first, are on disk in raw files, or told as rejected. */
  rows: number;
  /** Those of them that are rejected. */
  rejected: number;
  /** They are all that there are. */
  done: boolean;
  /** ISO 8601. */
  at: string;
}

const FILE = 'imports.jsonl';

/**
 * What has been imported into a data folder: `imports.jsonl`, a line for each step, of which the last of a file counts. A line
 * is written once the rows that it speaks of are on disk, never before: after a crash some rows come again, and none is missing.
 */
export class ImportJournal implements AsyncDisposable {
  readonly #entries: Map<string, Imported>;
  readonly #handle: FileHandle;

  private constructor(entries: Map<string, Imported>, handle: FileHandle) {
    this.#entries = entries;
    this.#handle = handle;
  }

  /** Opens the journal for writing. @param dataDir whose lock the caller has. */
  static async open(dataDir: string): Promise<ImportJournal> {
    const entries = await ImportJournal.read(dataDir);
    const file = join(dataDir, FILE);
    await removeDrafts(dataDir);
    // Without the steps on the way, and without a line that a crash has cut.
    await writeAtomically(file, [...entries.values()].map(lineOf).join(''));
    return new ImportJournal(entries, await open(file, 'a'));
  }

  /** What a journal says, by key; a torn last line says nothing. */
  static async read(dataDir: string): Promise<Map<string, Imported>> {
    const text = await readFile(join(dataDir, FILE), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    const entries = new Map<string, Imported>();
    for (const line of text.split('\n').slice(0, -1)) {
      const entry = JSON.parse(line) as Imported;
      entries.set(entry.key, entry);
    }
    return entries;
  }

  get(key: string): Imported | undefined {
    return this.#entries.get(key);
  }

  /** Notes what is on disk; resolves when that is as well. */
  async note(entries: readonly Imported[]): Promise<void> {
    if (entries.length === 0) return;
    for (const entry of entries) this.#entries.set(entry.key, entry);
    await this.#handle.appendFile(entries.map(lineOf).join(''));
    await this.#handle.datasync();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#handle.close();
  }
}

function lineOf(entry: Imported): string {
  return `${JSON.stringify(entry)}\n`;
}
