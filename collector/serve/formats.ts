import { stringify } from 'csv-stringify/sync';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../../base/http/problem.ts';

/** The forms in which rows are answered, by what Accept asks for. */
const ROW_TYPES = {
  'application/x-ndjson': ndjson,
  'application/json': jsonArray,
  'text/csv': csv,
} as const;
/** Another name of NDJSON. */
const NDJSON = 'application/ndjson';
export type RowType = keyof typeof ROW_TYPES;

type Row = Record<string, unknown>;
type Batches = AsyncIterable<Row[]>;

/**
 * The form that Accept wants most.
 * @param preferred the one for whoever takes any.
 * @throws {Problem} 406.
 */
export function rowTypeFor(request: FastifyRequest, preferred: RowType): RowType {
  const others = (Object.keys(ROW_TYPES) as RowType[]).filter(type => type !== preferred);
  const wanted = request.accepts().type([preferred, ...others, NDJSON]);
  if (wanted === NDJSON) return 'application/x-ndjson';
  if (typeof wanted === 'string') return wanted as RowType;
  throw new Problem(406, `This is to be had as ${Object.keys(ROW_TYPES).join(', ')}.`);
}

/** What CSV needs to know besides the rows. */
export interface CsvOptions {
  /** Of the header line, which is there also when nothing follows. */
  columns: string[];
  /** Whether cells that a spreadsheet would run as a formula are neutralised. */
  safe: boolean;
}

/** Turns batches of rows into text. */
export function formatRows(batches: Batches, type: RowType, options: CsvOptions): AsyncGenerator<string> {
  return ROW_TYPES[type](batches, options);
}

/**
 * Whether CSV is to be safe for a spreadsheet. By default it is for browsers, as a person who downloads opens it in one,
 * and not for programs, as it changes what a sensor said.
 */
export function isCsvSafe(request: FastifyRequest, wanted: 'safe' | 'plain' | undefined): boolean {
  if (wanted !== undefined) return wanted === 'safe';
  // Every browser says so, and no program does unless it wants to pass for one.
  return request.headers['user-agent']?.startsWith('Mozilla/') === true;
}

async function* ndjson(batches: Batches): AsyncGenerator<string> {
  for await (const rows of batches) yield rows.map(row => `${JSON.stringify(row)}\n`).join('');
}

async function* jsonArray(batches: Batches): AsyncGenerator<string> {
  yield* jsonItems(batches, JSON.stringify);
}

/** A JSON array of items that are there as text, or made into it; one item a line. */
export async function* jsonItems<T>(
  batches: AsyncIterable<T[]>,
  text: (item: T) => string,
): AsyncGenerator<string> {
  let before = '[\n';
  for await (const items of batches) {
    yield before + items.map(text).join(',\n');
    before = ',\n';
  }
  yield before === ',\n' ? '\n]\n' : '[]\n';
}

async function* csv(batches: Batches, { columns, safe }: CsvOptions): AsyncGenerator<string> {
  const cast = { boolean: String, ...(safe && { string: neutral }) };
  yield stringify([], { header: true, columns });
  for await (const rows of batches) yield stringify(rows, { columns, cast });
}

/** Text that a spreadsheet takes for text: an id may begin like a formula. Numbers are left as they are. */
function neutral(text: string): string {
  return /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}
