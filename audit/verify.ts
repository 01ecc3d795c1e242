import { readdir, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { ClientBase } from 'pg';
import { splitLines } from '../collector/bronze/line-reader.ts';
import { streamLines } from '../collector/bronze/line-stream.ts';
import { isRawFileName, safeSensorId, uncompressedName } from '../collector/bronze/partition.ts';
import { ProgressBar } from '../collector/progress-bar.ts';
import { prepareLine } from '../collector/silver/batch.ts';
import { type LedgerEntry, readLedger } from '../collector/silver/ledger.ts';
import { Registry } from '../collector/silver/registry.ts';
import { addTally, type Tally } from '../collector/silver/stretch.ts';
import type { Zone } from '../collector/time.ts';
import { type Classified, Comparison, type Difference } from './comparison.ts';
import { LineTable } from './line-table.ts';
import { Partitions, type Scope } from './partitions.ts';

/** Small files are compared together, up to this many lines or files; a larger file by itself. */
const TOGETHER_LINES = 200_000;
const TOGETHER_FILES = 500;
const LISTED_A_FILE = 10;

/** What `sluice verify` found of one file. */
export interface FileReport extends Tally {
  file: string;
  /** Lines that are recorded and not loaded yet. */
  pending: number;
}

export interface Report {
  ok: boolean;
  files: FileReport[];
  total: Tally & { files: number; pending: number };
  /** Minutes that the next refresh will recompute; gold is not held to them. */
  staleMinutes: number;
  differences: { count: number; first: Difference[] };
}

export interface VerifyOptions extends Scope {
  dataDir: string;
  collector: string;
  zone: Zone;
}

/** A raw file and what the ledger says of it. `path` is undefined where the file is gone. */
interface Subject {
  name: string;
  path: string | undefined;
  bytes: number;
  entry: LedgerEntry | undefined;
}

/** What reading a file gave besides its loaded lines. */
interface Read {
  /** Lines behind the loaded ones. */
  pending: number;
  /** Where the last loaded line ends. */
  end: number;
}

/**
 * Proves, or disproves, that the database holds what the raw files say: reads every line, and one snapshot of the
 * database, so that it can run beside a collector at work.
 */
export async function verify(client: ClientBase, options: VerifyOptions): Promise<Report> {
  return new Verification(client, options).run();
}

class Verification {
  readonly #client: ClientBase;
  readonly #options: VerifyOptions;
  readonly #table: LineTable;
  readonly #partitions: Partitions;
  readonly #files: FileReport[] = [];
  readonly #differences: Difference[] = [];
  #count = 0;
  /** Nobody else stores into silver, so that the first line of a key is the one that was stored. */
  #alone = true;

  constructor(client: ClientBase, options: VerifyOptions) {
    this.#client = client;
    this.#options = options;
    this.#table = new LineTable(client);
    this.#partitions = new Partitions(client);
  }

  async run(): Promise<Report> {
    // One snapshot for everything: what the ledger says is loaded is then just what silver has.
    await this.#client.query("SET work_mem = '64MB'; BEGIN ISOLATION LEVEL REPEATABLE READ");
    try {
      // Made within the transaction, it gives its disk space back whenever it is emptied, not only at the end.
      await LineTable.prepare(this.#client);
      return await this.#verify();
    } finally {
      await this.#client.query('ROLLBACK').catch(() => undefined);
    }
  }

  async #verify(): Promise<Report> {
    const { collector } = this.#options;
    const ledger = await readLedger(this.#client, collector);
    await this.#partitions.prepare();
    const others = await this.#client.query('SELECT FROM bronze.raw_file WHERE collector <> $1 LIMIT 1', [
      collector,
    ]);
    this.#partitions.shared = others.rows.length > 0;
    const subjects = await this.#subjects(ledger);
    const elsewhere = subjects.filter(subject => isAbsolute(subject.name));
    const own = subjects.filter(subject => !isAbsolute(subject.name));
    this.#alone = !this.#partitions.shared && elsewhere.length === 0;
    const registry = await Registry.load(this.#client);

    const bar = new ProgressBar(subjects.reduce((sum, subject) => sum + subject.bytes, 0));
    let done = 0;
    for (const [list, isOwn] of [[elsewhere, false] as const, [own, true] as const]) {
      for (const group of groups(list)) {
        await this.#compare(group, registry, isOwn, (bytes, name) => bar.show(done + bytes, name));
        done += group.reduce((sum, subject) => sum + subject.bytes, 0);
      }
      if (!isOwn) await this.#partitions.elsewhereComplete();
    }
    await this.#partitions.checkRest(this.#options);
    bar.clear();
    return this.#report();
  }

  async #report(): Promise<Report> {
    const total = {
      files: this.#files.length,
      pending: 0,
      lines: 0,
      stored: 0,
      duplicates: 0,
      conflicts: 0,
      rejected: 0,
    };
    for (const file of this.#files) {
      addTally(total, file);
      total.pending += file.pending;
    }
    const count = this.#count + this.#partitions.count;
    return {
      ok: count === 0,
      files: this.#files,
      total,
      staleMinutes: await this.#partitions.staleMinutes(),
      differences: { count, first: [...this.#differences, ...this.#partitions.differences] },
    };
  }

  /** The files in the raw folder and those that the ledger knows, as far as the scope asks for them. */
  async #subjects(ledger: Map<string, LedgerEntry>): Promise<Subject[]> {
    const folder = join(this.#options.dataDir, 'raw');
    const present = new Map<string, string>();
    for (const name of await readdir(folder).catch(() => [])) {
      const plain = uncompressedName(name);
      if (isRawFileName(plain) && (name === plain || !present.has(plain)))
        present.set(plain, join(folder, name));
    }
    const names = [...new Set([...present.keys(), ...ledger.keys()])]
      .filter(name => this.#isInScope(name))
      .sort();
    const subjects: Subject[] = [];
    for (const name of names) {
      const path = isAbsolute(name) ? name : present.get(name);
      const found = path === undefined ? undefined : await stat(path).catch(() => undefined);
      const entry = ledger.get(name);
      subjects.push({ name, path: found && path, bytes: found?.size ?? 0, entry });
    }
    return subjects;
  }

  #isInScope(name: string): boolean {
    const { date, sensor } = this.#options;
    // A file from elsewhere may hold any sensor and day.
    if (isAbsolute(name)) return true;
    return (
      (date === undefined || name.startsWith(`${date}_`)) &&
      (sensor === undefined || name.slice(11).startsWith(`${safeSensorId(sensor)}.jsonl`))
    );
  }

  async #compare(
    group: Subject[],
    registry: Registry,
    own: boolean,
    progress: (bytes: number, name: string) => void,
  ) {
    await this.#table.clear();
    const reads: Read[] = [];
    let before = 0;
    for (const [index, subject] of group.entries()) {
      reads.push(await this.#load(index, subject, registry, bytes => progress(before + bytes, subject.name)));
      before += subject.bytes;
    }
    await this.#table.complete();
    const names = group.map(subject => subject.name);
    const comparison = new Comparison(this.#client, this.#options.collector, names);
    const classified = await comparison.classify();
    const { count, first } = await comparison.lineDifferences();
    this.#note(count, first);
    for (const [index, subject] of group.entries()) {
      const found = classified.get(index) ?? {
        lines: 0,
        stored: 0,
        duplicates: 0,
        conflicts: 0,
        rejected: 0,
        missing: 0,
      };
      this.#judge(subject, found, reads[index]!);
    }
    if (own) await this.#partitions.checkLoaded();
    else await this.#partitions.explainElsewhere();
  }

  /** Puts the loaded lines of a file into the table. */
  async #load(
    index: number,
    subject: Subject,
    registry: Registry,
    progress: (bytes: number) => void,
  ): Promise<Read> {
    if (subject.path === undefined) return { pending: 0, end: 0 };
    const loaded = subject.entry?.bytes ?? 0;
    let number = 0;
    let pending = 0;
    let end = 0;
    for await (const { bytes, start, bytesRead } of streamLines(
      subject.path,
      isAbsolute(subject.name) ? 'keep' : 'skip',
    )) {
      for (const line of splitLines(bytes, start)) {
        number++;
        if (line.start >= loaded) pending++;
        else {
          end = line.end;
          await this.#table.add(index, number, prepareLine(subject.name, line, this.#options.zone, registry));
        }
      }
      progress(bytesRead);
    }
    return { pending, end };
  }

  #judge({ name, path, entry }: Subject, found: Classified, { pending, end }: Read): void {
    const { missing, ...tally } = found;
    this.#files.push({ file: name, ...tally, pending });
    if (entry === undefined) return;
    if (path === undefined) {
      this.#note(1, [
        { file: name, what: `the file is gone; bronze.raw_file counts ${entry.lines} lines in it` },
      ]);
      return;
    }
    // Lines that silver lacks were counted as stored or duplicate when they were loaded.
    const kept = { lines: tally.lines, rejected: tally.rejected, conflicts: tally.conflicts };
    const known = { lines: entry.lines, rejected: entry.rejected, conflicts: entry.conflicts };
    const exact = this.#alone && missing === 0;
    const say = (t: Partial<Tally>) =>
      Object.entries(t)
        .map(([key, value]) => `${key} ${value}`)
        .join(', ');
    const [files, database] = exact
      ? [
          { ...kept, stored: tally.stored, duplicates: tally.duplicates },
          { ...known, stored: entry.stored, duplicates: entry.duplicates },
        ]
      : [kept, known];
    if (say(files) !== say(database)) {
      this.#note(1, [
        { file: name, what: `bronze.raw_file says ${say(database)}; the file has ${say(files)}` },
      ]);
    } else if (end !== entry.bytes) {
      const what = `bronze.raw_file says that ${entry.bytes} bytes are loaded, but the last line loaded ends at byte ${end}`;
      this.#note(1, [{ file: name, what }]);
    }
  }

  #note(count: number, first: Difference[]): void {
    this.#count += count;
    for (const difference of first) {
      const ofFile = this.#differences.filter(({ file }) => file === difference.file).length;
      if (ofFile < LISTED_A_FILE && this.#differences.length < 100) this.#differences.push(difference);
    }
  }
}

/** Files by groups that are small enough to be compared at once; sizes are guessed at 50 bytes a line. */
function* groups(subjects: Subject[]): Generator<Subject[]> {
  let group: Subject[] = [];
  let lines = 0;
  for (const subject of subjects) {
    const more = subject.bytes / 50;
    if (group.length > 0 && (lines + more > TOGETHER_LINES || group.length >= TOGETHER_FILES)) {
      yield group;
      group = [];
      lines = 0;
    }
    group.push(subject);
    lines += more;
  }
  if (group.length > 0) yield group;
}
