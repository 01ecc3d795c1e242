import type pg from 'pg';
import { expect, test } from 'vitest';
import { Watermark } from '../../../collector/bronze/watermark.ts';
import type { Block } from '../../../collector/silver/block.ts';
import { BlockStore } from '../../../collector/silver/block-store.ts';
import { addCounters, emptyCounters } from '../../../collector/silver/counters.ts';
import { type TestDatabase, withDatabase } from '../../harness/database.ts';
import { decoderOf, loaderConnection, register } from '../../harness/lines.ts';
import { silent } from '../../harness/pipeline.ts';

const FILE = '2025-11-12_a.jsonl';
const reading = (second: number, value: number) =>
  `{"id": "a", "dt": "2025-11-12T10:15:${String(second).padStart(2, '0')}Z", "value": ${value}}\n`;
const blockOf = (lines: string[]): Block => ({
  file: FILE,
  start: 0,
  bytes: Buffer.from(lines.join('')),
  watermark: new Watermark({ lateMinutes: 60 }),
});

/** Makes every insertion of a reading fail for which `condition` is true. */
const fail = (database: TestDatabase, condition: string, code: string) =>
  database.query(
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'duplicate key value, says another server' USING ERRCODE = '${code}'; END $$;
     CREATE TRIGGER refuse BEFORE INSERT ON silver.sensor_reading FOR EACH ROW WHEN (${condition}) EXECUTE FUNCTION refuse()`,
  );

/** Stores as the loader does: what throws is tried again. @returns what became of the lines, and how often it took. */
async function untilStored(client: pg.Client, lines: string[], most = 10) {
  const decoder = decoderOf(await register(client, ['a']));
  const store = new BlockStore('c', silent);
  const sum = emptyCounters();
  for (let tries = 1; tries <= most; tries++) {
    try {
      await store.store(client, [blockOf(lines)], decoder, counters => addCounters(sum, counters));
      return { tries, ...sum };
    } catch {}
  }
  return { tries: most, ...sum };
}

test('an SQLSTATE that nobody knows is retried, and then costs the row that is to blame', () =>
  withDatabase(async database => {
    await using connection = await loaderConnection(database);
    await fail(database, 'NEW.value = 13', 'XX000');
    const lines = [reading(1, 1), reading(2, 13), reading(3, 3), reading(4, 4)];
    expect(await untilStored(connection.client, lines)).toMatchObject({
      tries: 4,
      lines: 4,
      stored: 3,
      refused: 1,
    });
    expect(await database.query('SELECT reason, reading FROM silver.rejected_line')).toEqual([
      { reason: 'SQLSTATE XX000: duplicate key value, says another server', reading: 1 },
    ]);
  }));

test('where the database takes no row at all, none is to blame', () =>
  withDatabase(async database => {
    await using connection = await loaderConnection(database);
    await fail(database, 'true', 'XX001');
    expect(await untilStored(connection.client, [reading(1, 1), reading(2, 2)])).toMatchObject({
      tries: 10,
      lines: 0,
    });
    expect(await database.query('TABLE silver.rejected_line')).toEqual([]);
  }));
