import type { ClientBase } from 'pg';
import type { Subject } from './subjects.ts';

/** What `sluice verify --changed` looked at. */
export interface ChangedReport {
  /** Files that were loaded since they were last looked at. */
  changed: number;
  /** Files that were not, and whose turn it was. */
  again: number;
  /** Changed files for which there was no time left: the next time begins with them. */
  waiting: number;
}

/**
 * Which files it is the turn of: first those that were loaded since they were last looked at, then the others, the one first that
 * was not looked at for longest; as many as there is time for.
 */
export class Turn {
  readonly #until: number;
  readonly #clean: Subject[] = [];
  readonly report: ChangedReport = { changed: 0, again: 0, waiting: 0 };

  /** @param minutes after which no further files are begun. */
  constructor(minutes: number) {
    this.#until = performance.now() + minutes * 60_000;
  }

  /** Those that were loaded since they were last looked at, and those that were not. What was removed on purpose is neither. */
  order(subjects: readonly Subject[]): { changed: Subject[]; again: Subject[] } {
    const due = subjects.filter(({ path, entry }) => entry && (path ?? entry.removedAt === undefined));
    const at = ({ entry }: Subject) => entry!.verifiedAt ?? 0;
    return {
      changed: due.filter(({ entry }) => entry!.verifiedAt === undefined),
      again: due.filter(({ entry }) => entry!.verifiedAt !== undefined).sort((a, b) => at(a) - at(b)),
    };
  }

  /** Whether these files can still be begun; counts them. */
  begins(group: readonly Subject[]): boolean {
    const isInTime = performance.now() < this.#until;
    for (const { entry } of group) {
      if (entry!.verifiedAt !== undefined) this.report.again += Number(isInTime);
      else this.report[isInTime ? 'changed' : 'waiting']++;
    }
    return isInTime;
  }

  /** Takes note of files with which nothing is amiss. Others stay changed. */
  passed(group: readonly Subject[]): void {
    this.#clean.push(...group);
  }

  /** Writes down which files were looked at, and found to be right. */
  async note(client: ClientBase, collector: string): Promise<void> {
    await client.query(
      `UPDATE bronze.raw_file f SET verified_bytes = v.bytes, verified_at = now()
       FROM unnest($2::text[], $3::bigint[]) v (path, bytes) WHERE f.collector = $1 AND f.path = v.path`,
      [collector, this.#clean.map(({ name }) => name), this.#clean.map(({ entry }) => entry!.bytes)],
    );
  }
}

/** As text: what was looked at, and what waits. */
export function changedText({ changed, again, waiting }: ChangedReport): string {
  const looked = `Of the files, ${changed} were loaded since they were last looked at, ${again} were looked at again`;
  return `${looked}; ${waiting} wait for the next time. Rows that no file explains are looked for without --changed.`;
}
