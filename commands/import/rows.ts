import { didYouMean } from '../../base/nearest.ts';

/**
 * Some rows of a file, by column, in their order: `cells[c][i]` is what row i has in the c-th of the wanted columns. Rows
 * that cannot be told into columns are there too, with their reason in `problems`.
 */
export interface Rows {
  cells: readonly (readonly unknown[])[];
  /** The line of each row in the file, from 1; of a Parquet file its row, from 1. */
  lines: readonly number[];
  /** Why a row cannot be used, by its index. */
  problems: ReadonlyMap<number, string>;
}

/** A file cannot be read on: it is not what it seems to be. */
export class FileFlaw extends Error {
  /** @param line of the file, from 1; undefined: the file as a whole. */
  constructor(line: number | undefined, what: string) {
    super(line === undefined ? what : `line ${line}: ${what}`);
    this.name = 'FileFlaw';
  }
}

/** Collects rows. */
export class RowBuilder implements Rows {
  readonly cells: unknown[][];
  readonly lines: number[] = [];
  readonly problems = new Map<number, string>();

  constructor(columns: number) {
    this.cells = Array.from({ length: columns }, () => []);
  }

  /** Adds a row that cannot be used. */
  addProblem(line: number, reason: string): void {
    this.problems.set(this.lines.length, reason);
    for (const column of this.cells) column.push(undefined);
    this.lines.push(line);
  }
}

/** A column that is wanted: what it is for, and the names by which it goes, the best first. */
export interface WantedColumn {
  role: string;
  names: readonly string[];
}

/** The columns that are wanted of a file. */
export class Selection {
  readonly wanted: readonly WantedColumn[];
  /** Files of CSV begin with a line of names; otherwise columns go by their place, from 1. */
  readonly hasHeader: boolean;

  constructor(wanted: readonly WantedColumn[], hasHeader = true) {
    this.wanted = wanted;
    this.hasHeader = hasHeader;
  }

  /**
   * Finds the columns among those of a file, whatever the case of their names.
   * @returns the place of each, from 0.
   * @throws {FileFlaw} naming all that are missing.
   */
  placesIn(names: readonly string[], line?: number): number[] {
    const places = names.map(name => name.trim().toLowerCase());
    const found = this.wanted.map(({ names: known }) =>
      Math.max(
        -1,
        places.indexOf(known.find(name => places.includes(name.toLowerCase()))?.toLowerCase() ?? ''),
      ),
    );
    const missing = this.wanted.filter((_, index) => found[index] === -1);
    if (missing.length === 0) return found;
    const told = missing.map(({ role, names: known }) =>
      known.length === 1
        ? `there is no column ${JSON.stringify(known[0])} for the ${role}${didYouMean(known[0]!, [...names])}`
        : `there is no column for the ${role}, such as ${known[0]}`,
    );
    const there = names.slice(0, 20).map(name => (name.length > 40 ? `${name.slice(0, 40)}…` : name));
    throw new FileFlaw(line, `${told.join('; ')} (the columns are ${there.join(', ')}); see --columns`);
  }
}
