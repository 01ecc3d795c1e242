import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nameCollector } from '../../collector/bronze/folder-identity.ts';
import { Pipeline, reading, withPipeline } from '../commands/verify/pipeline.ts';

/*
 * What late, duplicate and conflict mean where several collectors load into one database: docs/guarantees.md, "Several
 * collectors".
 */

/** Lends two data folders with one database. */
async function withTwo(use: (one: Pipeline, other: Pipeline) => Promise<void>): Promise<void> {
  await withPipeline(async one => {
    const folder = join(one.folder, 'other');
    await mkdir(join(folder, 'data', 'raw'), { recursive: true });
    const collector = await nameCollector(join(folder, 'data'), 'other');
    await using other = new Pipeline(folder, collector, one.database);
    await use(one, other);
  });
}

const at = (time: string, value: number) => reading('Sensor 1', `2025-11-12T${time}Z`, value);

const rowsOf = ({ database }: Pipeline) =>
  database.query(
    "SELECT to_char(time AT TIME ZONE 'UTC', 'HH24:MI') AS at, value, late FROM silver.sensor_reading ORDER BY time",
  );

const verifyBoth = async (one: Pipeline, other: Pipeline) => {
  const { dataDir, collector } = other;
  return (await one.verify({ others: [{ dataDir, collector }] })).differences;
};

test('the first one to be committed wins; the other collector has the conflict, and equal ones are duplicates', async () => {
  await withTwo(async (one, other) => {
    one.record(at('10:00:00', 1), at('10:01:00', 2));
    other.record(at('10:00:00', 1), at('10:01:00', 7), at('10:02:00', 3));
    await other.load();
    await one.load();
    expect((await rowsOf(one)).map(({ at, value }) => [at, value])).toEqual([
      ['10:00', 1],
      ['10:01', 7],
      ['10:02', 3],
    ]);
    expect(
      await one.database.query(
        'SELECT collector, stored_value, conflicting_value FROM silver.conflicting_reading',
      ),
    ).toEqual([{ collector: one.collector, stored_value: 7, conflicting_value: 2 }]);
    const counts = 'stored::int, duplicates::int, conflicts::int';
    expect(
      await one.database.query(`SELECT collector, ${counts} FROM bronze.raw_file ORDER BY stored`),
    ).toEqual([
      { collector: one.collector, stored: 0, duplicates: 1, conflicts: 1 },
      { collector: other.collector, stored: 3, duplicates: 0, conflicts: 0 },
    ]);
    expect(await verifyBoth(one, other)).toEqual({ count: 0, first: [] });
  });
});

test('late is what the same collector had recorded a newer one of', async () => {
  await withTwo(async (one, other) => {
    one.record(at('10:30:00', 1), at('10:20:00', 2));
    other.record(at('10:10:00', 3), at('10:40:00', 4), at('10:15:00', 5));
    await one.load();
    await other.load();
    expect((await rowsOf(one)).map(({ at, late }) => [at, late])).toEqual([
      ['10:10', false],
      ['10:15', true],
      ['10:20', true],
      ['10:30', false],
      ['10:40', false],
    ]);
    expect(await verifyBoth(one, other)).toEqual({ count: 0, first: [] });
  });
});
