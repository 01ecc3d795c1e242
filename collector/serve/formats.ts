import { stringify } from 'csv-stringify/sync';
import { Problem } from '../../base/http/problem.ts';

/** The forms in which rows are answered, by what Accept asks for. */
const ROW_TYPES = {
  'application/x-ndjson': ndjson,
  'application/json': jsonArray,
  'text/csv': csv,
} as const;
export type RowType = keyof typeof ROW_TYPES;

type Row = Record<string, unknown>;
type Batches = AsyncIterable<Row[]>;

/**
 * The form that Accept wants most.
 * @param preferred the one for whoever takes any.
 * @throws {Problem} 406.
 */
export function rowTypeFor(accept: string | undefined, preferred: RowType): RowType {
  const types = [preferred, ...(Object.keys(ROW_TYPES) as RowType[])];
  const wanted = (accept?.trim() || '*/*').split(',').map((range, index) => {
    const [name = '', ...parameters] = range.split(';').map(part => part.trim().toLowerCase());
    const weight = parameters.find(parameter => parameter.startsWith('q='))?.slice(2) ?? '1';
    return { name: name === 'application/ndjson' ? 'application/x-ndjson' : name, q: Number(weight), index };
  });
  for (const { name, q } of wanted.sort((a, b) => b.q - a.q || a.index - b.index)) {
    const match = types.find(type => name === type || name === '*/*' || name === `${type.split('/')[0]}/*`);
    if (match !== undefined && q > 0) return match;
  }
  throw new Problem(406, `This is to be had as ${Object.keys(ROW_TYPES).join(', ')}.`);
}

/**
 * Turns batches of rows into text.
 * @param columns of a CSV file, which has a header line also when nothing follows.
 */
export function formatRows(batches: Batches, type: RowType, columns: string[]): AsyncGenerator<string> {
  return ROW_TYPES[type](batches, columns);
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

async function* csv(batches: Batches, columns: string[]): AsyncGenerator<string> {
  yield stringify([], { header: true, columns });
  for await (const rows of batches) yield stringify(rows, { columns, cast: { boolean: String } });
}
