import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSameMachine, type Machine } from './machine.ts';
import type { PartResult } from './result.ts';
import { judge, type Verdict } from './targets.ts';

/** What a part found, and when. */
export interface MeasuredPart extends PartResult {
  /** When it began, ISO 8601. */
  date: string;
  /** How long it took. */
  seconds: number;
  /** The machine's load average over the minute before; other programs make every figure worse. */
  loadBefore: number;
}

/** Everything that was found; what results.json holds. */
export interface Results {
  /** Of the last run; parts of earlier ones may be among the others. */
  command: string;
  quick: boolean;
  machine: Machine;
  parts: Record<string, MeasuredPart>;
  verdicts: Verdict[];
}

export const RESULTS_FILE = 'results.json';

/** The results in a folder; undefined where there are none. */
export async function readResults(folder: string): Promise<Results | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, RESULTS_FILE), 'utf8')) as Results;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Results with the parts of an earlier run that were not measured again. Parts of another plan or another machine are left
 * out: they must not stand in one report with these.
 * @param order names of all parts, as the report has them.
 */
export function mergeResults(
  earlier: Results | undefined,
  latest: Omit<Results, 'verdicts'>,
  order: readonly string[],
): Results {
  const comparable =
    earlier !== undefined && earlier.quick === latest.quick && isSameMachine(earlier.machine, latest.machine);
  const all = { ...(comparable ? earlier.parts : {}), ...latest.parts };
  const parts = Object.fromEntries(order.filter(name => name in all).map(name => [name, all[name]!]));
  return { ...latest, parts, verdicts: judge(parts) };
}
