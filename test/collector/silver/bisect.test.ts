import type pg from 'pg';
import { expect, test } from 'vitest';
import { type Bisection, storeBisecting } from '../../../collector/silver/bisect.ts';
import { addCounters, emptyCounters } from '../../../collector/silver/counters.ts';
import { remedyOf } from '../../../collector/silver/remedy.ts';
import { storeStaged } from '../../../collector/silver/staged-store.ts';
import { withDatabase } from '../../harness/database.ts';
import { linesOf, loaderConnection, register } from '../../harness/lines.ts';
import { silent } from '../../harness/pipeline.ts';

const bisection = (client: pg.Client, stored: Bisection['stored']): Bisection => ({
  store: some => storeStaged(client, 'c', some, new Map()),
  rehearse: line => storeStaged(client, 'c', [line], new Map(), 'rehearse'),
  stored,
  blamesRow: async error => remedyOf(error) === 'bisect',
  log: silent,
});

test('rows that the database refuses are rejected with their SQLSTATE; all others are stored', () =>
  withDatabase(async database => {
    await using connection = await loaderConnection(database);
    const { client } = connection;
    const registry = await register(client, ['a']);
    await database.query('ALTER TABLE silver.sensor_reading ADD CONSTRAINT no_13 CHECK (value <> 13)');
    const values = Array.from({ length: 40 }, (_, n) => (n % 11 === 3 ? 13 : n + 100));
    const texts = values.map((value, n) =>
      JSON.stringify({ id: 'a', dt: `2025-11-12T10:15:${String(n).padStart(2, '0')}Z`, value }),
    );
    const lines = [
      ...linesOf('f1', texts.slice(0, 25), registry),
      ...linesOf('f2', texts.slice(25), registry),
    ];
    const sum = emptyCounters();
    await storeBisecting(
      lines,
      bisection(client, (_, counters) => addCounters(sum, counters)),
    );
    expect(sum).toEqual({
      ...emptyCounters(),
      lines: 40,
      understood: 40,
      readings: 40,
      stored: 36,
      refused: 4,
    });
    const rejected = await database.query('SELECT line, reason FROM silver.rejected_line');
    expect(rejected.map(({ line }) => JSON.parse(line).value)).toEqual([13, 13, 13, 13]);
    expect(rejected[0].reason).toMatch(/^SQLSTATE 23514: .*no_13/);
    expect(
      await database.query('SELECT path, bytes::int, lines::int FROM bronze.raw_file ORDER BY 1'),
    ).toEqual([
      { path: 'f1', bytes: lines[24]!.end, lines: 25 },
      { path: 'f2', bytes: lines[39]!.end, lines: 15 },
    ]);
  }));

test('an error that blames no row is handed on, and nothing is rejected for it', () =>
  withDatabase(async database => {
    await using connection = await loaderConnection(database);
    const registry = await register(connection.client, ['a']);
    await database.query('DROP TABLE sluice.stale_minute');
    const lines = linesOf('f1', ['{"id":"a","dt":"2025-11-12","value":1}', 'torn'], registry);
    const storing = storeBisecting(
      lines,
      bisection(connection.client, () => expect.unreachable()),
    );
    await expect(storing).rejects.toMatchObject({ code: '42P01' });
    expect(await database.query('TABLE silver.rejected_line')).toEqual([]);
  }));
