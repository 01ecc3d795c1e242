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

/** An answer that is in memory: of each record the fields that the columns name. */
export function answerOf(columns: Column[], records: readonly Record<string, unknown>[]): Answer {
  const cells = records.map(record => columns.map(({ name }) => cellOf(record[name])));
  return {
    columns,
    rows: (async function* () {
      yield cells;
    })(),
  };
}

function cellOf(value: unknown): Cell {
  return value === null || value === undefined ? null : String(value);
}
