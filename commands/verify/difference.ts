/** What can differ, for programs; `what` of a difference says it to people. */
export type DifferenceKind =
  /** A reading of a raw file is not in silver. */
  | 'missing_reading'
  /** A row of silver has no line in a raw file. */
  | 'unexplained_reading'
  /** A reading is classified or marked other than the registry and the order of the lines say. */
  | 'quality'
  | 'late'
  /** Its digits are more, or fewer, than a double holds. */
  | 'inexact'
  /** Another value than silver's that is not kept, is kept though it does not differ, or is kept with other contents. */
  | 'missing_conflict'
  | 'surplus_conflict'
  | 'changed_conflict'
  /** The same of lines that cannot be stored. */
  | 'missing_rejection'
  | 'surplus_rejection'
  | 'changed_rejection'
  /** A file of rejected messages holds fewer, or others, than were counted. */
  | 'rejected_message'
  /** The ledger counts other lines, or ends elsewhere. */
  | 'ledger'
  /** The file is gone, is another one than was loaded, or went otherwise than the settings say. */
  | 'missing_file'
  | 'replaced_file'
  | 'removed_file'
  /** An object of the archive is not there, or not as it was written. */
  | 'archive'
  /** Silver forgot more than the settings say. */
  | 'retention'
  /** silver.seen_sensor lacks a sensor, or has one that it cannot have. */
  | 'seen_sensor'
  /** A former topics file is not the one that its hash names. */
  | 'topics_file'
  /** A row of gold is not what it is made of. */
  | 'gold';

/** A place where files and database disagree. */
export interface Difference {
  kind: DifferenceKind;
  /** The raw file; undefined where silver or gold has something that no file explains. */
  file?: string;
  /** Line number, from 1. */
  line?: number;
  what: string;
}

/** How many differences are listed: of one file (or of none), and of all. The others are counted. */
export const LISTED = 10;
const LISTED_OF_ALL = 100;

/** Counts differences, and keeps the first of them. */
export class Differences {
  readonly first: Difference[] = [];
  count = 0;

  add(difference: Difference): void {
    this.addSome(1, [difference]);
  }

  /** @param count of all of them. @param first of them. */
  addSome(count: number, first: Iterable<Difference>): void {
    this.count += count;
    for (const difference of first) {
      const ofFile = this.first.filter(({ file }) => file === difference.file).length;
      if (ofFile < LISTED && this.first.length < LISTED_OF_ALL) this.first.push(difference);
    }
  }

  /** Those of files before those of none. */
  get inOrder(): Difference[] {
    return [
      ...this.first.filter(({ file }) => file !== undefined),
      ...this.first.filter(({ file }) => file === undefined),
    ];
  }
}
