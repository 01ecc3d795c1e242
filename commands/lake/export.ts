import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientBase } from 'pg';
import Cursor from 'pg-cursor';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { type Cell, type ParquetColumn, ParquetFile } from '../../base/parquet-file.ts';
import { connect } from '../../db/connect.ts';
import { explainLack } from '../../db/lacking.ts';
import { counted } from '../output/counted.ts';
import { CHECKED_TABLES } from './checksums.ts';

const BATCH_ROWS = 10_000;

/** What a column becomes, by its type in PostgreSQL. Decimal numbers become doubles. */
const kinds: Record<string, { kind: ParquetColumn['kind']; sql: (column: string) => string }> = {
  'timestamp with time zone': {
    kind: 'time',
    sql: column => `(extract(epoch FROM ${column}) * 1000000)::float8`,
  },
  'double precision': { kind: 'double', sql: column => column },
  numeric: { kind: 'double', sql: column => `${column}::float8` },
  bigint: { kind: 'whole', sql: column => `${column}::float8` },
  boolean: { kind: 'flag', sql: column => column },
};
const text = { kind: 'text', sql: (column: string) => `${column}::text` } as const;

interface ExportArguments {
  date: string;
  out: string;
  json?: boolean;
}

/** What was written of a table. */
interface Exported {
  table: string;
  file: string;
  rows: number;
}

/** `sluice lake export`: writes silver and gold of a UTC date as Parquet files, sorted by sensor and time. */
export async function exportCommand(
  config: Config,
  log: Logger,
  { date, out, json }: ExportArguments,
): Promise<true> {
  const folder = join(out, `date=${date}`);
  await mkdir(folder, { recursive: true });
  const client = await connect(config.DATABASE_URL, 'sluice lake', error =>
    log.debug({ err: error }, 'connection lost'),
  );
  try {
    // All tables of one moment.
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    const exported: Exported[] = [];
    for (const [table, { time }] of Object.entries(CHECKED_TABLES)) {
      const file = join(folder, `${table.replace(/^[a-z]+\./, '')}.parquet`);
      exported.push({ table, file, rows: await exportTable(client, table, time, date, file) });
    }
    const lines = exported.map(({ file, rows }) => `${file}: ${counted(rows, 'row')}\n`);
    process.stdout.write(json ? `${JSON.stringify(exported, null, 2)}\n` : lines.join(''));
    return true;
  } catch (error) {
    throw await explainLack(error, config.DATABASE_URL);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A file takes its name when it is whole. @returns its rows. */
async function exportTable(
  client: ClientBase,
  table: string,
  time: string,
  date: string,
  path: string,
): Promise<number> {
  const { rows: columns } = await client.query<{ name: string; type: string; required: boolean }>(
    `SELECT attname AS name, format_type(atttypid, NULL) AS type, attnotnull AS required FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [table],
  );
  const kindOf = (type: string) => kinds[type] ?? text;
  const end = new Date(Date.parse(date) + 86_400_000).toISOString().slice(0, 10);
  const cursor = client.query(
    new Cursor<Cell[]>(
      `SELECT ${columns.map(({ name, type }) => kindOf(type).sql(`"${name}"`))} FROM ${table}
       WHERE ${time} >= $1 AND ${time} < $2 ORDER BY sensor_id, ${time}`,
      [`${date}T00:00:00Z`, `${end}T00:00:00Z`],
      { rowMode: 'array' },
    ),
  );
  const draft = `${path}.new`;
  try {
    using file = new ParquetFile(
      draft,
      columns.map(({ name, type, required }) => ({ name, kind: kindOf(type).kind, optional: !required })),
    );
    for (let isOver = false; !isOver; ) {
      const rows = await cursor.read(BATCH_ROWS);
      for (const row of rows) file.add(row);
      isOver = rows.length === 0;
    }
    file.end();
    await rename(draft, path);
    return file.rows;
  } finally {
    await rm(draft, { force: true });
  }
}
