import { execFileSync } from 'node:child_process';
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from './machine.ts';
import { formatSpread, table } from './report.ts';
import type { Results } from './results.ts';
import type { Spread } from './stats.ts';

/** A JSON line a run: its ratios, which say the same on a machine that is a little faster or busier. */
const HISTORY_FILE = 'history.jsonl';
/** Runs that a new one is compared with. */
const COMPARED_RUNS = 5;

/** What is kept of a run. */
export interface Entry {
  /** ISO 8601. */
  date: string;
  commit: string;
  quick: boolean;
  machine: Machine;
  /** By part and figure: `throughput: CPU ratio, 5 sensors`. */
  ratios: Record<string, Spread>;
}

/** A figure that lies outside everything that the runs before it found. */
interface Move {
  figure: string;
  before: Spread;
  now: Spread;
}

/** What a run adds to the history. @param commit of the code that was measured. */
export function entryOf(
  { parts, quick, machine }: Omit<Results, 'verdicts'>,
  date: string,
  commit: string,
): Entry {
  const ratios: Record<string, Spread> = {};
  for (const [part, { figures }] of Object.entries(parts)) {
    for (const [name, spread] of Object.entries(figures))
      if (spread.isRatio) ratios[`${part}: ${name}`] = spread;
  }
  return { date, commit, quick, machine, ratios };
}

/**
 * The figures of a run that moved by more than their noise: no round of it lies where a round of the last runs with the same plan on
 * such a machine lay.
 */
export function movesOf(history: readonly Entry[], latest: Entry): Move[] {
  const comparable = comparableOf(history, latest);
  return Object.entries(latest.ratios).flatMap(([figure, now]) => {
    const earlier = comparable.map(({ ratios }) => ratios[figure]).filter(spread => spread !== undefined);
    if (earlier.length === 0) return [];
    const before = rangeOf(earlier);
    const moved = now.min > before.max || now.max < before.min;
    return moved ? [{ figure, before, now }] : [];
  });
}

/** The last runs with the same plan on such a machine. */
function comparableOf(history: readonly Entry[], latest: Entry): Entry[] {
  return history
    .filter(entry => entry.quick === latest.quick && isAlike(entry.machine, latest.machine))
    .slice(-COMPARED_RUNS);
}

/** Whether ratios can be compared: what is installed may differ, as that is what a comparison is to show as well. */
function isAlike(one: Machine, other: Machine): boolean {
  return one.CPU === other.CPU && one.RAM === other.RAM;
}

/** All rounds of several runs as one spread; the median is that of the medians. */
function rangeOf(spreads: readonly Spread[]): Spread {
  const medians = spreads.map(spread => spread.median).sort((a, b) => a - b);
  return {
    median: medians[medians.length >> 1]!,
    min: Math.min(...spreads.map(({ min }) => min)),
    max: Math.max(...spreads.map(({ max }) => max)),
    rounds: spreads.reduce((sum, { rounds }) => sum + rounds, 0),
  };
}

/** What moved since the runs before, as a table, or a sentence that nothing did. */
export function comparison(history: readonly Entry[], latest: Entry): string {
  const figures = comparableOf(history, latest).flatMap(({ ratios }) => Object.keys(ratios));
  const compared = new Set(figures.filter(figure => figure in latest.ratios)).size;
  if (compared === 0) return 'There is no earlier run on such a machine with this plan to compare with.';
  const moves = movesOf(history, latest);
  if (moves.length === 0) return `Of ${compared} ratios none moved by more than its noise.`;
  const rows = moves.map(({ figure, before, now }) => [
    figure,
    formatSpread(before, 2),
    formatSpread(now, 2),
  ]);
  return table(['moved by more than its noise', 'before', 'now'], rows);
}

/** The runs before, oldest first. */
export async function readHistory(folder: string): Promise<Entry[]> {
  const text = await readFile(join(folder, HISTORY_FILE), 'utf8').catch(error => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  });
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Entry);
}

export async function appendHistory(folder: string, entry: Entry): Promise<void> {
  await appendFile(join(folder, HISTORY_FILE), `${JSON.stringify(entry)}\n`);
}

/** The commit of the working copy, with `+` where something is changed in it; empty where there is no Git. */
export function currentCommit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    return `${git('rev-parse', '--short=12', 'HEAD')}${git('status', '--porcelain') === '' ? '' : '+'}`;
  } catch {
    return '';
  }
}
