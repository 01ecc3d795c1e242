import { counted } from '../output/counted.ts';
import type { Pruned } from './prune.ts';
import type { DecidedEntry } from './rejected.ts';
import type { Replayed } from './replay.ts';

const COLUMNS = ['lines', 'stored', 'present', 'conflicts', 'rejected'] as const;
type Sums = Record<(typeof COLUMNS)[number], number>;

/** What a replay did: tables for people, printed as it goes; or all of it at its end, for programs. */
export class ReplayReport {
  readonly #isDryRun: boolean;
  readonly #isPrinted: boolean;
  readonly files: Replayed[] = [];
  readonly total = noSums();
  readonly #byEntry = new Map<string, Sums>();
  pruned: readonly Pruned[] | undefined;
  rejectedMessages: readonly DecidedEntry[] | undefined;

  constructor(isDryRun: boolean, isPrinted: boolean) {
    this.#isDryRun = isDryRun;
    this.#isPrinted = isPrinted;
  }

  /** What became of rejected messages, by the entry of the topics file. */
  addRejected(decided: readonly DecidedEntry[]): void {
    this.rejectedMessages = decided;
    const columns = ['messages', 'recorded', 'known', 'rejected'] as const;
    this.#print(this.#isDryRun ? 'entry (dry run: what would be done)' : 'entry', columns);
    for (const entry of decided)
      this.#print(
        entry.entry,
        columns.map(column => entry[column]),
      );
  }

  /** How many readings go, by the entry of a former topics file that found them. */
  addPruned(pruned: readonly Pruned[]): void {
    this.pruned = pruned;
    const dry = this.#isDryRun;
    this.#print(dry ? 'former entry (dry run)' : 'former entry', [dry ? 'would go' : 'removed']);
    for (const { entry, readings } of pruned) this.#print(entry, [readings]);
    const sum = pruned.reduce((sum, { readings }) => sum + readings, 0);
    this.#print(pruned.length === 1 ? '1 entry' : `${pruned.length} entries`, [sum]);
  }

  /** A row a file as it comes, sums by entry of the topics file where there is more than one, and the sum of all. */
  async addFiles(rows: AsyncIterable<Replayed>): Promise<void> {
    this.#print(this.#isDryRun ? 'file (dry run: what would be done)' : 'file', COLUMNS);
    for await (const row of rows) {
      this.files.push(row);
      this.#printSums(row.file, row);
      const sums = this.#byEntry.get(row.entry) ?? noSums();
      this.#byEntry.set(row.entry, sums);
      for (const column of COLUMNS) {
        this.total[column] += row[column];
        sums[column] += row[column];
      }
    }
    if (this.#byEntry.size > 1) {
      this.#print('entry', COLUMNS);
      for (const { entry, ...sums } of this.entries) this.#printSums(entry, sums);
    }
    this.#printSums(counted(this.files.length, 'file'), this.total);
  }

  get entries(): (Sums & { entry: string })[] {
    const entries = [...this.#byEntry].map(([entry, sums]) => ({ entry, ...sums }));
    return entries.sort((a, b) => (a.entry < b.entry ? -1 : 1));
  }

  #printSums(name: string, sums: Sums): void {
    this.#print(
      name,
      COLUMNS.map(column => sums[column]),
    );
  }

  #print(name: string, cells: readonly (string | number)[]): void {
    if (!this.#isPrinted) return;
    process.stdout.write(`${name.padEnd(40)}${cells.map(cell => String(cell).padStart(12)).join('')}\n`);
  }
}

function noSums(): Sums {
  return { lines: 0, stored: 0, present: 0, conflicts: 0, rejected: 0 };
}
