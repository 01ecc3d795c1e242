import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { withDatabase } from '../harness/database.ts';
import { temporaryFolder } from '../harness/server.ts';

const run = promisify(execFile);
const folder = join(import.meta.dirname, '..', '..', 'deploy', 'dbt');
/** Where CI has it, it has to be. */
const isMissing = spawnSync('dbt', ['--help']).error !== undefined && process.env.CI === undefined;

test.skipIf(isMissing)('dbt builds and tests the package on a database of Sluice', async () => {
  await using scratch = await temporaryFolder();
  await withDatabase(async database => {
    await database.query(
      `INSERT INTO silver.sensor (sensor_id, quantity, unit, location) VALUES ('a', 'temperature', '°C', 'Hall 1');
       INSERT INTO silver.sensor_reading VALUES (now(), 'a', 20, 'valid'), (now() + INTERVAL '1 hour', 'a', 21, 'valid');
       INSERT INTO gold.reading_1min_mean VALUES (date_trunc('minute', now()), 'a', 20, 20, 20, 1);
       INSERT INTO gold.data_quality_daily
       VALUES (date_trunc('day', now(), 'UTC'), 'a', 10, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0)`,
    );
    const { hostname, port, username, password, pathname } = new URL(database.url);
    const env = {
      ...process.env,
      PGHOST: hostname,
      PGPORT: port,
      PGUSER: username,
      PGPASSWORD: password,
      PGDATABASE: pathname.slice(1),
      DBT_LOG_PATH: scratch.path,
      DBT_TARGET_PATH: scratch.path,
    };
    const dbt = (...args: string[]) => run('dbt', [...args, '--profiles-dir', '.'], { cwd: folder, env });
    expect((await dbt('build')).stdout).toMatch(/PASS=\d+ WARN=0 ERROR=0 SKIP=0/);
    expect(
      await database.query('SELECT location, sensors::int, mean_score::float FROM analytics.daily_location'),
    ).toEqual([{ location: 'Hall 1', sensors: 1, mean_score: 90 }]);
    expect((await dbt('source', 'freshness')).stdout).toMatch(/PASS freshness of silver\.sensor_reading/);
    // A test that finds something fails.
    await database.query('UPDATE analytics.daily_location SET location = NULL');
    await expect(dbt('test', '--select', 'daily_location')).rejects.toMatchObject({
      stdout: expect.stringContaining('FAIL 1 not_null_daily_location_location'),
    });
  });
});
