import { isAbsolute } from 'node:path';
import type { ClientBase } from 'pg';
import { isLocked } from '../../collector/bronze/data-folder.ts';
import { RawFileName, rawFolder } from '../../collector/bronze/raw-file-name.ts';
import type { Topics } from '../../collector/payload/topics.ts';
import { addCounters, countersOf, emptyCounters } from '../../collector/silver/counters.ts';
import { keptSince } from '../../collector/silver/kept-since.ts';
import { keyOfEntry, readLedger } from '../../collector/silver/ledger.ts';
import { holdsEnvelopes } from '../../collector/silver/line-decoder.ts';
import { PastDecoders } from '../../collector/silver/past-decoders.ts';
import { Registry } from '../../collector/silver/registry.ts';
import { ProgressBar } from '../output/progress-bar.ts';
import type { Turn } from './changed.ts';
import { type Classified, Comparison, noLines } from './comparison.ts';
import { Differences } from './difference.ts';
import { type Read, readLoadedLines } from './file-reader.ts';
import { groups } from './groups.ts';
import { Layouts } from './layouts.ts';
import { ledgerDifferences, topicsFileDifferences } from './ledger-differences.ts';
import { LineTable } from './line-table.ts';
import { Partitions, type Scope } from './partitions.ts';
import { rejectedDifferences } from './rejected-messages.ts';
import type { FileReport, Report, Unchecked } from './report.ts';
import { heldSince, type RetentionDays, removalDifference } from './retention.ts';
import { RemovedFiles, type Retirement } from './retired.ts';
import { findSubjects, isInScope, type Subject } from './subjects.ts';

/** A data folder, and its name in the ledger. */
export interface Folder {
  dataDir: string;
  collector: string;
}

export interface VerifyOptions extends Scope, Folder {
  topics: Topics;
  /** SENSOR_TIMEZONE, for former topics files. */
  zone?: string;
  /** Data folders of other collectors that load into the same database. */
  others?: Folder[];
  /** Collectors that were not looked at are no reason to say no. */
  onlyMine?: boolean;
  /** What the settings say is kept; undefined: what the database says of it is believed. */
  retention?: RetentionDays;
  /** For `exhaustive`. */
  lateMinutes?: number;
  /** Also check what other settings, or another version of Sluice, may have judged otherwise. */
  exhaustive?: boolean;
  /** Only the files whose turn it is, of our own folder. */
  turn?: Turn;
}

/**
 * Proves, or disproves, that the database holds what the raw files say: reads every line, and one snapshot of the
 * database, so that it can run beside a collector at work.
 */
export async function verify(client: ClientBase, options: VerifyOptions): Promise<Report> {
  // One snapshot for everything: what the ledger says is loaded is then just what silver has.
  await client.query("SET work_mem = '64MB'; BEGIN ISOLATION LEVEL REPEATABLE READ");
  try {
    // Made within the transaction, tables give their disk space back whenever they are emptied, not only at the end.
    await LineTable.prepare(client);
    await Partitions.prepare(client);
    return await new Verification(client, options).run();
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}

/** Verifies the files whose turn it is, and writes down which were right. */
export async function verifyChanged(
  client: ClientBase,
  options: VerifyOptions & { turn: Turn },
): Promise<Report> {
  const report = await verify(client, options);
  await options.turn.note(client, options.collector);
  return report;
}

/** The files of one data folder that are asked for, and how they are looked at. */
interface Work {
  folder: Folder;
  subjects: Subject[];
  removed: RemovedFiles;
  /** Whether their readings are found by sensor and day: those of our own raw files are. */
  bySensorAndDay: boolean;
}

class Verification {
  readonly #client: ClientBase;
  readonly #options: VerifyOptions;
  readonly #table: LineTable;
  readonly #differences = new Differences();
  readonly #retired: Retirement = {
    removed: { files: 0, lines: 0 },
    forgotten: { files: 0, lines: 0, before: null },
  };
  readonly #files: FileReport[] = [];
  /** Lines that are not loaded yet, by data folder. */
  readonly #pending = new Map<string, number>();
  #remapped = 0;
  #keptSince: Date | undefined;
  /** How our own raw files are cut. */
  #layouts = new Layouts([]);
  /** Nobody else stores into silver, so that the first line of a key is the one that was stored. */
  #alone = true;

  constructor(client: ClientBase, options: VerifyOptions) {
    this.#client = client;
    this.#options = options;
    this.#table = new LineTable(client);
  }

  async run(): Promise<Report> {
    const { others = [], onlyMine = false, turn } = this.#options;
    await this.#readRetention();
    const unchecked = await this.#uncheckedCollectors();
    const works = (await Promise.all([this.#options, ...others].map(folder => this.#worksOf(folder)))).flat();
    // Those that can hold any sensor and day come first: their keys explain rows of all the others.
    works.sort((a, b) => Number(a.bySensorAndDay) - Number(b.bySensorAndDay));
    const names = works.flatMap(({ subjects }) => subjects.map(({ name }) => name));
    this.#alone = unchecked.length + others.length === 0 && !names.some(name => isAbsolute(name));
    this.#layouts = new Layouts(names.map(keyOfEntry));
    const { removed } = works.at(-1)!;
    // Where any file may hold any reading, some of them explain nothing.
    const shared = unchecked.length > 0 || (turn !== undefined && !this.#layouts.areOneFileEach);
    const options = {
      removed: works.map(work => work.removed),
      shared,
      keptSince: this.#keptSince,
      exhaustive: this.#options.exhaustive === true,
    };
    const partitions = new Partitions(this.#client, options, this.#differences);

    const registry = await Registry.load(this.#client);
    const due = turn === undefined ? works : inTurn(works, turn);
    const bytes = due.flatMap(({ subjects }) => subjects.map(subject => subject.bytes));
    const bar = new ProgressBar(bytes.reduce((sum, size) => sum + size, 0));
    let done = 0;
    for (const work of due) {
      if (work.bySensorAndDay) await partitions.elsewhereComplete();
      const decoders = await this.#decodersOf(work.folder, registry);
      this.#remapped += work.subjects.filter(({ name, entry }) => entry && decoders.hasPast(name)).length;
      for (const group of groups(work.subjects)) {
        if (turn?.begins(group) === false) continue;
        const before = this.#differences.count;
        await this.#compare(group, work, decoders, (more, name) => bar.show(done + more, name));
        if (work.bySensorAndDay) await partitions.checkLoaded();
        else await partitions.explainElsewhere();
        if (this.#differences.count === before) turn?.passed(group);
        done += group.reduce((sum, subject) => sum + subject.bytes, 0);
      }
    }
    if (turn === undefined) {
      await partitions.checkRest(this.#options);
      await this.#checkRejected();
      if (this.#alone) await this.#checkRemoved(removed);
    }
    for (const difference of await topicsFileDifferences(this.#client)) this.#differences.add(difference);
    bar.clear();
    return {
      ok: this.#differences.count === 0 && (onlyMine || unchecked.length === 0),
      files: this.#files,
      total: totalOf(this.#files),
      idle: await this.#idleFolders(),
      staleMinutes: await partitions.staleMinutes(),
      retired: this.#retired,
      remapped: this.#remapped,
      unchecked,
      ...(turn && { changed: turn.report }),
      differences: { count: this.#differences.count, first: this.#differences.inOrder },
    };
  }

  /** What was rejected has no other place. Asked for some sensors or days, nobody asks about it. */
  async #checkRejected(): Promise<void> {
    const { date, sensor, others = [], retention } = this.#options;
    if (date !== undefined || sensor !== undefined) return;
    for (const folder of [this.#options, ...others]) {
      for (const difference of await rejectedDifferences(this.#client, folder, retention))
        this.#differences.add(difference);
    }
  }

  async #readRetention(): Promise<void> {
    const marked = await keptSince(this.#client);
    const { since, difference } = heldSince(marked, this.#options.retention, new Date());
    this.#keptSince = since;
    this.#retired.forgotten.before = since?.toISOString().slice(0, 10) ?? null;
    if (difference !== undefined) this.#differences.add(difference);
  }

  /** Data folders with lines that nobody is about to load. */
  async #idleFolders(): Promise<Report['idle']> {
    const idle: Report['idle'] = [];
    for (const [dataDir, pending] of this.#pending)
      if (!(await isLocked(dataDir))) idle.push({ dataDir, pending });
    return idle;
  }

  /** Collectors with lines in the ledger whose folders nobody named. */
  async #uncheckedCollectors(): Promise<Unchecked[]> {
    const checked = [this.#options, ...(this.#options.others ?? [])].map(({ collector }) => collector);
    const { rows } = await this.#client.query<Unchecked>(
      `SELECT collector, sum(lines)::float8 AS lines,
         to_char(max(loaded_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "loadedAt"
       FROM bronze.raw_file WHERE collector <> ALL ($1::text[]) AND lines > 0 GROUP BY 1 ORDER BY 1`,
      [checked],
    );
    return rows;
  }

  #decodersOf({ dataDir, collector }: Folder, registry: Registry): Promise<PastDecoders> {
    const { topics, lateMinutes = 0, zone = 'UTC' } = this.#options;
    const options = { topics, registry, lateMinutes, folder: rawFolder(dataDir) };
    return PastDecoders.load(this.#client, collector, options, zone);
  }

  /** The work of one folder; the first of all folders is checked by sensor and day, as far as its files are named so. */
  async #worksOf(folder: Folder): Promise<Work[]> {
    const { date, sensor, dataDir } = this.#options;
    const ledger = await readLedger(this.#client, folder.collector);
    const subjects = await findSubjects({ dataDir: folder.dataDir, date, sensor }, ledger);
    const removed = new RemovedFiles(ledger);
    const isFirst = folder.dataDir === dataDir;
    const [own, any] = partition(subjects, subject => isFirst && isOfSensorAndDay(subject.name));
    const works: Work[] = [{ folder, subjects: any, removed, bySensorAndDay: false }];
    if (isFirst) works.push({ folder, subjects: own, removed, bySensorAndDay: true });
    return works.filter(work => work.bySensorAndDay || work.subjects.length > 0);
  }

  async #compare(
    group: Subject[],
    { folder, removed }: Work,
    decoders: PastDecoders,
    progress: (bytes: number, name: string) => void,
  ) {
    const { lateMinutes = 0 } = this.#options;
    await this.#table.clear();
    const reads: Read[] = [];
    let before = 0;
    for (const [index, subject] of group.entries()) {
      const show = (bytes: number) => progress(before + bytes, subject.name);
      reads.push(await readLoadedLines(this.#table, index, subject, decoders, lateMinutes, show));
      before += subject.bytes;
    }
    await this.#table.complete();
    const comparison = new Comparison(this.#client, {
      collector: folder.collector,
      files: group.map(subject => subject.name),
      keptSince: this.#keptSince,
      exhaustive:
        this.#options.exhaustive === true &&
        this.#alone &&
        !group.some(({ name }) => this.#layouts.areMixed(name.slice(0, 10))),
    });
    const classified = await comparison.classify();
    const wrong = [...classified.values()].reduce((sum, found) => sum + found.wrong, 0);
    if (wrong > 0) this.#differences.addSome(wrong, await comparison.lineDifferences());
    const surplus = await comparison.surplus(
      group.filter(({ path }) => path !== undefined).map(({ name }) => name),
    );
    this.#differences.addSome(surplus.count, surplus.first);
    for (const [index, subject] of group.entries()) {
      this.#judge(subject, classified.get(index) ?? noLines, reads[index]!, removed, folder);
    }
  }

  /** Holds the ledger to what was found of a file. */
  #judge(subject: Subject, found: Classified, read: Read, removed: RemovedFiles, folder: Folder): void {
    const { name, path, entry } = subject;
    const { forgotten } = found;
    const removal = entry && removalDifference(entry, path !== undefined, this.#options.retention);
    if (removal !== undefined) this.#differences.add(removal);
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
    const shown = countersOf(forgotten > 0 && entry ? entry : found);
    const file = this.#options.others?.includes(folder) ? `${folder.collector}: ${name}` : name;
    this.#files.push({ file, ...shown, pending: read.pending });
    if (read.pending > 0)
      this.#pending.set(folder.dataDir, (this.#pending.get(folder.dataDir) ?? 0) + read.pending);
    if (entry === undefined) return;
    if (path === undefined) {
      const what = `the file is gone; bronze.raw_file counts ${entry.lines} lines in it`;
      this.#differences.add({ kind: 'missing_file', file: name, what });
      return;
    }
    // A removed file of that name may have brought what is a duplicate in this one.
    const isMixed = this.#layouts.hasMessages || this.#layouts.areMixed(name.slice(0, 10));
    const isFirst = this.#alone && !isMixed && !holdsEnvelopes(name) && !removed.had(name);
    for (const difference of ledgerDifferences(name, entry, { found, read, isFirst }))
      this.#differences.add(difference);
  }

  /** Readings of removed files that silver has lost, or has too many of. Of days that it does not keep, nobody can tell. */
  async #checkRemoved(removed: RemovedFiles): Promise<void> {
    const before = this.#retired.forgotten.before ?? '';
    const isAsked = (name: string) => isInScope(name, this.#options) && name >= before;
    for (const difference of await removed.differences(this.#client, isAsked))
      this.#differences.add(difference);
  }
}

/** The work of a turn: what has changed comes first. */
function inTurn(works: readonly Work[], turn: Turn): Work[] {
  const ordered = works.map(work => ({ work, ...turn.order(work.subjects) }));
  return [
    ...ordered.map(({ work, changed }) => ({ ...work, subjects: changed })),
    ...ordered.map(({ work, again }) => ({ ...work, subjects: again })),
  ].filter(({ subjects }) => subjects.length > 0);
}

/** Whether a file holds the readings of one sensor and day. */
function isOfSensorAndDay(name: string): boolean {
  return RawFileName.ofKey(keyOfEntry(name))?.isOfSensor ?? false;
}

function partition<T>(items: T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter(item => !isFirst(item))];
}

function totalOf(files: FileReport[]): Report['total'] {
  const total = { files: files.length, pending: 0, ...emptyCounters() };
  for (const file of files) {
    addCounters(total, file);
    total.pending += file.pending;
  }
  return total;
}
