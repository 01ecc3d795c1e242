import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { EmbeddedPostgres } from '../../commands/up/postgres.ts';

interface Reading {
  id: string;
  dt: string;
  value: number;
}

interface Mean {
  bucket: Date;
  sensor_id: string;
  val_mean: number;
  val_min: number;
  val_max: number;
  n: string;
}

/** The raw files' texts by their names; none where the folder is not there yet. */
export async function readRawFiles(dataDir: string): Promise<Map<string, string>> {
  const folder = join(dataDir, 'raw');
  const names = (await readdir(folder).catch(() => [])).filter(name => name.endsWith('.jsonl'));
  const texts = names.map(async name => [name, await readFile(join(folder, name), 'utf8')] as const);
  return new Map(await Promise.all(texts));
}

/**
 * Compares the embedded database of a pipeline that has stopped with its raw files: the offsets, each reading, and the
 * means computed anew, from the raw files and by other code than the pipeline's.
 * @param port a free one, for the PostgreSQL that is started meanwhile.
 * @throws {AssertionError} saying what differs.
 */
export async function compareWithDatabase(
  dataDir: string,
  port: number,
): Promise<{ lines: number; minutes: number }> {
  const files = await readRawFiles(dataDir);
  const lines = [...files.values()].flatMap(text => text.trimEnd().split('\n'));
  const readings = [...new Set(lines)].map(line => JSON.parse(line) as Reading);
  await using stack = new AsyncDisposableStack();
  const server = new EmbeddedPostgres({ dataDir: join(dataDir, 'postgres'), port, log: () => {} });
  stack.defer(() => server.stop());
  await server.start();
  const client = new pg.Client(server.url);
  stack.defer(() => client.end());
  await client.connect();
  const rows = async <Row extends pg.QueryResultRow>(sql: string) => (await client.query<Row>(sql)).rows;

  const ledger = await rows<{ path: string; bytes: string }>('SELECT path, bytes FROM bronze.raw_file');
  const sizes = [...files].map(([path, text]) => ({ path, bytes: `${Buffer.byteLength(text)}` }));
  assert.deepEqual(byKey(ledger), byKey(sizes), 'not every file is loaded to its end');

  const silver = await rows<{ id: string; time: Date; value: number }>(
    'SELECT sensor_id AS id, time, value FROM silver.sensor_reading',
  );
  const expected = readings.map(({ id, dt, value }) => ({ id, time: new Date(dt), value }));
  assert.deepEqual(byKey(silver), byKey(expected), 'silver is not what the raw files say');

  const gold = await rows<Mean>('SELECT * FROM gold.reading_1min_mean');
  assert.equal((await rows('SELECT FROM sluice.stale_minute')).length, 0, 'stale minutes are left');
  compareMeans(gold, readings);
  return { lines: lines.length, minutes: gold.length };
}

function compareMeans(gold: readonly Mean[], readings: readonly Reading[]): void {
  const minutes = Map.groupBy(readings, ({ id, dt }) => `${dt.slice(0, 16)}:00.000Z ${id}`);
  assert.equal(gold.length, minutes.size, 'gold has another number of minutes');
  for (const { bucket, sensor_id, val_mean, val_min, val_max, n } of gold) {
    const key = `${bucket.toISOString()} ${sensor_id}`;
    const values = minutes.get(key)?.map(({ value }) => value);
    assert(values, `gold has the minute ${key}, the raw files have not`);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    assert.deepEqual(
      [Number(n), val_min, val_max],
      [values.length, Math.min(...values), Math.max(...values)],
      key,
    );
    assert(
      Math.abs(val_mean - mean) <= 1e-9 * Math.abs(mean),
      `the mean of ${key} is ${mean}, not ${val_mean}`,
    );
  }
}

function byKey(rows: readonly object[]): string[] {
  return rows.map(row => JSON.stringify(row)).sort();
}
