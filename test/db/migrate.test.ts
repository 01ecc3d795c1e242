import pg from 'pg';
import { describe, expect, test } from 'vitest';
import {
  type Connection,
  migrate,
  migrateOn,
  NewerDatabaseError,
  offerTimescaledb,
} from '../../db/migrate.ts';
import { databaseServers, type TestDatabase, withDatabase } from '../harness/database.ts';
import { eventually } from '../harness/eventually.ts';
import { migrateFirst } from '../harness/older.ts';

const tables = `
  SELECT table_schema || '.' || table_name AS name FROM information_schema.tables
  WHERE table_schema IN ('bronze', 'silver', 'gold') ORDER BY 1`;

async function tablesOf(database: TestDatabase): Promise<string[]> {
  return (await database.query(tables)).map(({ name }) => name);
}

describe.each(databaseServers())('migrate on $name', server => {
  const empty = { server, migrated: false };

  test('makes the tables in an empty database, and says what it applied', async () => {
    await withDatabase(async database => {
      const log: string[] = [];
      const { applied, timescaledb } = await migrate(database.url, message => log.push(message));
      expect(applied[0]).toBe('0001_pipeline');
      expect(timescaledb === null).toBe(server.name === 'PostgreSQL');
      // Which ones they are is for test/db/schema.test.ts to say.
      expect(await tablesOf(database)).toEqual(
        expect.arrayContaining(['bronze.raw_file', 'silver.sensor_reading', 'gold.reading_1min_mean']),
      );
      expect(log).toContain('migrated the database: 0001_pipeline');
      if (timescaledb === null) expect(log).toContain('plain tables: the server has no TimescaleDB');
    }, empty);
  });

  test('changes nothing the second time', async () => {
    await withDatabase(async database => {
      const { timescaledb } = await migrate(database.url);
      await database.query(
        "INSERT INTO silver.sensor (sensor_id, quantity, unit) VALUES ('Sensor 1', 'q', 'u')",
      );
      expect(await migrate(database.url)).toEqual({ applied: [], timescaledb });
      expect(await database.query('SELECT sensor_id FROM silver.sensor')).toEqual([
        { sensor_id: 'Sensor 1' },
      ]);
    }, empty);
  });

  test('is done once where several collectors start together', async () => {
    await withDatabase(async database => {
      const all = await Promise.all([1, 2, 3, 4].map(() => migrate(database.url)));
      expect(all.filter(({ applied }) => applied.length > 0)).toHaveLength(1);
      expect(new Set(all.map(({ timescaledb }) => timescaledb)).size).toBe(1);
    }, empty);
  });

  test('refuses a database that a newer Sluice made, and leaves it as it is', async () => {
    await withDatabase(async database => {
      await migrate(database.url);
      await database.query(
        "INSERT INTO sluice.migration (name, run_on) VALUES ('9998_flow', now()), ('9999_ebb', now())",
      );
      const refusal = await migrate(database.url).catch(error => error);
      expect(refusal).toBeInstanceOf(NewerDatabaseError);
      expect(refusal.unknown).toEqual(['9998_flow', '9999_ebb']);
      expect(refusal.message).toMatch(/9998_flow, 9999_ebb.*Update Sluice/s);
      // The lock is free again: a refusal must not hang the next one.
      await database.query("DELETE FROM sluice.migration WHERE name LIKE '999%'");
      expect((await migrate(database.url)).applied).toEqual([]);
    }, empty);
  });
});

test('a failed migration leaves the database as it was, and works once the cause is gone', async () => {
  await withDatabase(
    async database => {
      await database.query('CREATE SCHEMA gold; CREATE TABLE gold.squatter ()');
      await expect(migrate(database.url)).rejects.toMatchObject({ code: '42P06' });
      expect(await tablesOf(database)).toEqual(['gold.squatter']);
      await database.query('DROP SCHEMA gold CASCADE');
      expect((await migrate(database.url)).applied).toContain('0001_pipeline');
    },
    { migrated: false },
  );
});

test('whoever reads a table that is to be changed holds up no load, and is named in the end', async () => {
  await withDatabase(
    async database => {
      await migrateFirst(database.url, 2);
      const reader = new pg.Client({ connectionString: database.url, application_name: 'a BI tool' });
      await reader.connect();
      await reader.query('BEGIN; SELECT FROM silver.sensor');
      const held = migrate(database.url).catch(error => error);
      const load = "INSERT INTO silver.sensor (sensor_id, quantity, unit) VALUES ('a', 'q', 'u')";
      await eventually(async () =>
        expect(
          await database.query(
            `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
          ),
        ).toHaveLength(1),
      );
      await database.query("SET lock_timeout = '5s'");
      await database.query(load);
      expect(await held).toMatchObject({
        message: expect.stringMatching(
          /cannot be migrated: \d+ \(.*a BI tool\) holds locks .*Nothing was changed/,
        ),
      });
      await reader.end();
      expect((await migrate(database.url)).applied.length).toBeGreaterThan(0);
    },
    { migrated: false },
  );
});

test('a database that is up to date asks for no right to change it', async () => {
  await withDatabase(async database => {
    const client = new pg.Client(database.url);
    await client.connect();
    await client.query('SET default_transaction_read_only = on');
    expect((await migrateOn(client)).applied).toEqual([]);
    await client.end();
  });
});

test('a server older than PostgreSQL 15 is refused', async () => {
  const old: Connection = {
    query: async text => {
      if (!text.includes('server_version')) throw new Error(`asked a server that is too old: ${text}`);
      return { rows: [{ version: '14.13', number: 140013 }] };
    },
  };
  await expect(migrateOn(old)).rejects.toThrow(/PostgreSQL 14.13: Sluice needs 15 or newer/);
});

/** A server that has TimescaleDB, and answers `CREATE EXTENSION` with an error. */
function refusing(code: string): Connection {
  return {
    query: async text => {
      if (text.includes('server_version')) return { rows: [{ version: '17.2', number: 170002 }] };
      if (text.includes('to_regclass')) return { rows: [{ exists: false }] };
      if (text.includes('pg_available_extensions')) return { rows: [{}] };
      if (!text.startsWith('CREATE EXTENSION')) return { rows: [] };
      const error = new pg.DatabaseError('extension "timescaledb" must be preloaded', 0, 'error');
      error.code = code;
      throw error;
    },
  };
}

test.each(['42501', 'XX000', '58P01', '0A000'])(
  'warns where TimescaleDB is there and refused: %s',
  async code => {
    const told: [string, string][] = [];
    const reason = await offerTimescaledb(refusing(code), (message, level) => told.push([level, message]));
    expect(reason).toBe('extension "timescaledb" must be preloaded');
    expect(told).toEqual([
      ['warn', expect.stringMatching(/^plain tables.*has TimescaleDB, but extension .* must be preloaded/)],
    ]);
  },
);

test('does not take a fault that may pass for a refusal', async () => {
  await expect(offerTimescaledb(refusing('57P01'), () => {})).rejects.toMatchObject({ code: '57P01' });
});

test('an error of the connection comes as it is', async () => {
  await withDatabase(async ({ url }) => {
    await expect(migrate(`${url}_absent`)).rejects.toMatchObject({ code: '3D000' });
  });
});
