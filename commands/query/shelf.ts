import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { didYouMean } from '../../base/nearest.ts';
import { type Needs, parseQuery, type QueryFile } from './query-file.ts';

export const QUERIES = join(import.meta.dirname, '..', '..', 'db', 'queries');
const VARIANTS = join(QUERIES, 'timescaledb');

/** A query, and the same one for TimescaleDB where that pays: the same parameters, columns and answers. */
export interface ShelvedQuery {
  plain: QueryFile;
  variant: QueryFile | undefined;
}

/** The queries of db/queries in the order of their names. */
export async function readShelf(): Promise<Map<string, ShelvedQuery>> {
  const variants = await readFolder(VARIANTS);
  const plain = await readFolder(QUERIES);
  return new Map([...plain].map(([name, query]) => [name, { plain: query, variant: variants.get(name) }]));
}

async function readFolder(folder: string): Promise<Map<string, QueryFile>> {
  const files = (await readdir(folder)).filter(file => file.endsWith('.sql'));
  const names = files.map(file => basename(file, '.sql')).sort();
  const queries = names.map(
    async name => [name, parseQuery(name, await readFile(join(folder, `${name}.sql`), 'utf8'))] as const,
  );
  return new Map(await Promise.all(queries));
}

/** A query by its name. @throws {UsageError} with the nearest names where there is none. */
export function takeQuery(shelf: ReadonlyMap<string, ShelvedQuery>, name: string): ShelvedQuery {
  const found = shelf.get(name.replace(/\.sql$/, ''));
  if (found !== undefined) return found;
  throw new UsageError(
    `There is no query ${JSON.stringify(name)}${didYouMean(name, shelf.keys()) || '.'} \`sluice query\` lists them all.`,
  );
}

/** The one of the two that a server can run best. @param offers what the server has. */
export function choose({ plain, variant }: ShelvedQuery, offers: Needs): QueryFile {
  if (variant === undefined || offers === 'postgresql') return plain;
  return variant.needs === 'timescaledb' || offers === 'community' ? variant : plain;
}
