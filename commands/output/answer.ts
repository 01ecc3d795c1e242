/** What the values of a column are, as far as printing them asks. */
type Kind = 'float' | 'number' | 'boolean' | 'json' | 'text';

export interface Column {
  name: string;
  kind: Kind;
}

/** A value as text; times in ISO 8601 (UTC), booleans true and false. */
export type Cell = string | null;

/** Rows as they come: never more than a few hundred are in memory. */
export interface Answer {
  columns: Column[];
  rows: AsyncIterable<Cell[][]>;
}
