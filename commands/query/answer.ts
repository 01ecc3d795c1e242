import type pg from 'pg';
import Cursor from 'pg-cursor';
import type { Answer, Cell, Column } from '../output/answer.ts';
import type { BoundQuery } from './query-file.ts';

const ROWS_AT_ONCE = 500;

/** Of pg_type. */
const BOOL = 16;
const TIMESTAMPTZ = 1184;
const NUMBERS = new Set([20, 21, 23, 700, 701, 1700]);
const FLOATS = new Set([700, 701]);
const JSONS = new Set([114, 3802]);

/** Starts a query within the transaction that the connection is in, and reads its rows as they are asked for. The cursor ends with it. */
export async function ask(client: pg.Client, { text, values }: BoundQuery): Promise<Answer> {
  const cursor = client.query(
    new Cursor<Cell[]>(text, values, {
      rowMode: 'array',
      types: { getTypeParser: (oid: number) => parserOf(oid) } as never,
    }),
  );
  const first = await read(cursor);
  return { columns: first.fields.map(columnOf), rows: blocks(cursor, first.rows) };
}

async function* blocks(cursor: Cursor<Cell[]>, first: Cell[][]): AsyncGenerator<Cell[][]> {
  for (let rows = first; rows.length > 0; { rows } = await read(cursor)) yield rows;
}

function read(cursor: Cursor<Cell[]>): Promise<{ rows: Cell[][]; fields: pg.FieldDef[] }> {
  return new Promise((resolve, reject) => {
    // The columns come with the callback only, and not after the last row any more.
    cursor.read(ROWS_AT_ONCE, (error, rows, result?: pg.QueryResult) =>
      error ? reject(error) : resolve({ rows, fields: result?.fields ?? [] }),
    );
  });
}

/** What a column holds, by its type. */
export function columnOf({ name, dataTypeID: oid }: Pick<pg.FieldDef, 'name' | 'dataTypeID'>): Column {
  if (FLOATS.has(oid)) return { name, kind: 'float' };
  if (NUMBERS.has(oid)) return { name, kind: 'number' };
  if (JSONS.has(oid)) return { name, kind: 'json' };
  return { name, kind: oid === BOOL ? 'boolean' : 'text' };
}

/** What makes a cell of a value as the server writes it, in UTC. */
export function parserOf(oid: number): (text: string) => string {
  if (oid === TIMESTAMPTZ) return isoTime;
  if (oid === BOOL) return text => (text === 't' ? 'true' : 'false');
  return text => text;
}

/** `2025-11-12 10:15:01.5+00`, as PostgreSQL writes it in UTC, to `2025-11-12T10:15:01.5Z`. */
function isoTime(text: string): string {
  return text.replace(' ', 'T').replace(/\+00$/, 'Z');
}
