import { isAbsolute } from 'node:path';
import type { ClientBase } from 'pg';
import { splitLines } from '../../collector/bronze/line-reader.ts';
import { type LinePiece, streamLines } from '../../collector/bronze/line-stream.ts';
import { otherForm, rawFolder } from '../../collector/bronze/raw-file-name.ts';
import type { Topics } from '../../collector/payload/topics.ts';
import { addCounters, type Counters, countersOf, emptyCounters } from '../../collector/silver/counters.ts';
import { keptSince } from '../../collector/silver/kept-since.ts';
import { readLedger } from '../../collector/silver/ledger.ts';
import { isOfTopic } from '../../collector/silver/line-decoder.ts';
import { PastDecoders } from '../../collector/silver/past-decoders.ts';
import { Registry } from '../../collector/silver/registry.ts';
import { ProgressBar } from '../output/progress-bar.ts';
import { type Classified, Comparison, type Difference } from './comparison.ts';
import { LineTable } from './line-table.ts';
import { Partitions, type Scope } from './partitions.ts';
import { RemovedFiles, type Retirement } from './retired.ts';
import { findSubjects, isInScope, type Subject } from './subjects.ts';

/** Small files are compared together, up to this many lines or files; a larger file by itself. */
const TOGETHER_LINES = 200_000;
const TOGETHER_FILES = 500;
const LISTED_A_FILE = 10;

/** What `sluice verify` found of one file. */
export interface FileReport extends Counters {
  file: string;
  /** Lines that are recorded and not loaded yet. */
  pending: number;
}

export interface Report {
  ok: boolean;
  files: FileReport[];
  total: Counters & { files: number; pending: number };
  /** Minutes that the next refresh will recompute; gold is not held to them. */
  staleMinutes: number;
  retired: Retirement;
  /** Files with lines that were decoded with another topics file: a change, not a loss. */
  remapped: number;
  differences: { count: number; first: Difference[] };
}

export interface VerifyOptions extends Scope {
  dataDir: string;
  collector: string;
  topics: Topics;
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
  #removed = new RemovedFiles(new Map());
  #partitions: Partitions;
  readonly #retired: Retirement = {
    removed: { files: 0, lines: 0 },
    forgotten: { files: 0, lines: 0, before: null },
  };
  readonly #files: FileReport[] = [];
  readonly #differences: Difference[] = [];
  #count = 0;
  #remapped = 0;
  /** Nobody else stores into silver, so that the first line of a key is the one that was stored. */
  #alone = true;

  constructor(client: ClientBase, options: VerifyOptions) {
    this.#client = client;
    this.#options = options;
    this.#table = new LineTable(client);
    this.#partitions = new Partitions(client, this.#removed);
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
    this.#removed = new RemovedFiles(ledger);
    this.#partitions = new Partitions(this.#client, this.#removed);
    await this.#partitions.prepare();
    const others = await this.#client.query('SELECT FROM bronze.raw_file WHERE collector <> $1 LIMIT 1', [
      collector,
    ]);
    this.#partitions.shared = others.rows.length > 0;
    this.#retired.forgotten.before = (await keptSince(this.#client))?.toISOString().slice(0, 10) ?? null;
    const subjects = await findSubjects(this.#options, ledger);
    // Files of a topic hold readings of many sensors and days, as those from elsewhere may.
    const isMixed = ({ name }: Subject) => isAbsolute(name) || isOfTopic(name);
    const elsewhere = subjects.filter(isMixed);
    const own = subjects.filter(subject => !isMixed(subject));
    this.#alone = !this.#partitions.shared && !subjects.some(({ name }) => isAbsolute(name));
    const registry = await Registry.load(this.#client);
    const decoders = await PastDecoders.load(
      this.#client,
      collector,
      // Whether a reading is late is not looked at.
      { topics: this.#options.topics, registry, lateMinutes: 0, folder: rawFolder(this.#options.dataDir) },
      'UTC',
    );
    this.#remapped = subjects.filter(({ name, entry }) => entry && decoders.hasPast(name)).length;

    const bar = new ProgressBar(subjects.reduce((sum, subject) => sum + subject.bytes, 0));
    let done = 0;
    for (const [list, isOwn] of [[elsewhere, false] as const, [own, true] as const]) {
      for (const group of groups(list)) {
        await this.#compare(group, decoders, isOwn, (bytes, name) => bar.show(done + bytes, name));
        done += group.reduce((sum, subject) => sum + subject.bytes, 0);
      }
      if (!isOwn) await this.#partitions.elsewhereComplete();
    }
    await this.#partitions.checkRest(this.#options);
    if (this.#alone) await this.#checkRemoved();
    bar.clear();
    return this.#report();
  }

  async #report(): Promise<Report> {
    const total = { files: this.#files.length, pending: 0, ...emptyCounters() };
    for (const file of this.#files) {
      addCounters(total, file);
      total.pending += file.pending;
    }
    const count = this.#count + this.#partitions.count;
    return {
      ok: count === 0,
      files: this.#files,
      total,
      staleMinutes: await this.#partitions.staleMinutes(),
      retired: this.#retired,
      remapped: this.#remapped,
      differences: { count, first: [...this.#differences, ...this.#partitions.differences] },
    };
  }

  async #compare(
    group: Subject[],
    decoders: PastDecoders,
    own: boolean,
    progress: (bytes: number, name: string) => void,
  ) {
    await this.#table.clear();
    const reads: Read[] = [];
    let before = 0;
    for (const [index, subject] of group.entries()) {
      reads.push(await this.#load(index, subject, decoders, bytes => progress(before + bytes, subject.name)));
      before += subject.bytes;
    }
    await this.#table.complete();
    const names = group.map(subject => subject.name);
    const comparison = new Comparison(this.#client, this.#options.collector, names);
    const classified = await comparison.classify();
    const { count, first } = await comparison.lineDifferences();
    this.#note(count, first);
    for (const [index, subject] of group.entries()) {
      const found = classified.get(index) ?? { ...emptyCounters(), missing: 0, forgotten: 0 };
      this.#judge(subject, found, reads[index]!);
    }
    if (own) await this.#partitions.checkLoaded();
    else await this.#partitions.explainElsewhere();
  }

  /** Puts the loaded lines of a file into the table. */
  async #load(
    index: number,
    subject: Subject,
    decoders: PastDecoders,
    progress: (bytes: number) => void,
  ): Promise<Read> {
    const { path, name } = subject;
    if (path === undefined) return { pending: 0, end: 0 };
    const loaded = subject.entry?.bytes ?? 0;
    let number = 0;
    let pending = 0;
    let end = 0;
    for await (const { bytes, start, bytesRead } of linesOf(path, isAbsolute(name))) {
      for (const line of splitLines(bytes, start)) {
        number++;
        if (line.start >= loaded) pending++;
        else {
          end = line.end;
          await this.#table.add(index, number, decoders.at(name, line.start).decode(name, line));
        }
      }
      progress(bytesRead);
    }
    return { pending, end };
  }

  /** Readings of removed files that silver has lost, or has too many of. Of days that it does not keep, nobody can tell. */
  async #checkRemoved(): Promise<void> {
    const before = this.#retired.forgotten.before ?? '';
    const isAsked = (name: string) => isInScope(name, this.#options) && name >= before;
    for (const difference of await this.#removed.differences(this.#client, isAsked))
      this.#note(1, [difference]);
  }

  #judge({ name, path, entry }: Subject, found: Classified, { pending, end }: Read): void {
    const { missing, forgotten, ...counters } = found;
    if (path === undefined && entry?.removedAt !== undefined) {
      this.#retired.removed.files++;
      this.#retired.removed.lines += entry.lines;
      return;
    }
    if (forgotten > 0) {
      this.#retired.forgotten.files++;
      this.#retired.forgotten.lines += forgotten;
    }
    // What became of lines that silver does not keep, the ledger alone knows.
    this.#files.push({ file: name, ...(forgotten > 0 && entry ? countersOf(entry) : counters), pending });
    if (entry === undefined) return;
    if (path === undefined) {
      this.#note(1, [
        { file: name, what: `the file is gone; bronze.raw_file counts ${entry.lines} lines in it` },
      ]);
      return;
    }
    // Lines that silver lacks were counted as stored or duplicate when they were loaded.
    const counted = ({ lines, understood, rejected, empty, readings, conflicts, refused }: Counters) =>
      forgotten > 0 ? { lines } : { lines, understood, rejected, empty, readings, conflicts, refused };
    const kept = counted(counters);
    const known = counted(entry);
    // A removed file of that name may have brought what is a duplicate in this one.
    const exact = this.#alone && !isOfTopic(name) && missing + forgotten === 0 && !this.#removed.had(name);
    const say = (t: Partial<Counters>) =>
      Object.entries(t)
        .map(([key, value]) => `${key} ${value}`)
        .join(', ');
    const [files, database] = exact
      ? [
          { ...kept, stored: counters.stored, duplicates: counters.duplicates },
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

/** The lines of a file, in whatever form it is when it is opened. */
async function* linesOf(path: string, foreign: boolean): AsyncGenerator<LinePiece> {
  let begun = false;
  try {
    for await (const piece of streamLines(path, foreign ? 'keep' : 'skip')) {
      begun = true;
      yield piece;
    }
  } catch (error) {
    if (begun || foreign || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    yield* streamLines(otherForm(path), 'skip');
  }
}

/** Files by groups that are small enough to be compared at once; sizes are guessed at 50 bytes a line, or known. */
function* groups(subjects: Subject[]): Generator<Subject[]> {
  let group: Subject[] = [];
  let lines = 0;
  for (const subject of subjects) {
    const more = Math.max(subject.bytes / 50, subject.entry?.lines ?? 0);
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
