import { join } from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import { dumpSchema } from '../../db/dump.ts';
import { type TestDatabase, withDatabase } from '../harness/database.ts';

const FILE = join(import.meta.dirname, '../../db/schema.sql');

async function dump(database: TestDatabase): Promise<string> {
  const client = new pg.Client(database.url);
  await client.connect();
  try {
    return await dumpSchema(client);
  } finally {
    await client.end();
  }
}

test('db/schema.sql is what the migrations add up to (with -u it is written)', async () => {
  await withDatabase(async database => {
    await expect(await dump(database)).toMatchFileSnapshot(FILE);
  });
});

test('the dump makes the schema that it shows', async () => {
  const schema = await withDatabase(dump);
  await withDatabase(
    async database => {
      await database.query(schema);
      expect(await dump(database)).toBe(schema);
    },
    { migrated: false },
  );
});

test('the dump sees a column, a default, a constraint, an index, a view and a comment', async () => {
  await withDatabase(async database => {
    const schema = await dump(database);
    await database.query(`
      CREATE TABLE gold.extra (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        "Mixed Case" numeric(5,2) DEFAULT 1 NOT NULL UNIQUE,
        doubled numeric GENERATED ALWAYS AS ("Mixed Case" * 2) STORED
      );
      CREATE INDEX extra_doubled_idx ON gold.extra (doubled) WHERE doubled > 3;
      CREATE VIEW gold.extra_view AS SELECT id FROM gold.extra;
      COMMENT ON COLUMN gold.extra."Mixed Case" IS 'it''s mixed';
      COMMENT ON VIEW gold.extra_view IS 'a view';
    `);
    const added = (await dump(database)).split('\n\n').filter(part => !schema.includes(part));
    expect(added.join('\n\n').trim()).toBe(`CREATE TABLE gold.extra (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  "Mixed Case" numeric(5,2) DEFAULT 1 NOT NULL,
  doubled numeric GENERATED ALWAYS AS (("Mixed Case" * (2)::numeric)) STORED,
  CONSTRAINT extra_pkey PRIMARY KEY (id),
  CONSTRAINT "extra_Mixed Case_key" UNIQUE ("Mixed Case")
);
CREATE INDEX extra_doubled_idx ON gold.extra USING btree (doubled) WHERE (doubled > (3)::numeric);
COMMENT ON COLUMN gold.extra."Mixed Case" IS 'it''s mixed';

CREATE VIEW gold.extra_view AS
 SELECT id
   FROM gold.extra;
COMMENT ON VIEW gold.extra_view IS 'a view';`);
  });
});
