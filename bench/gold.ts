/*
 * Shows what decision 0015 says of speed: the plan of silver.latest_reading, and how long a refresh takes, with many sensors
 * and as silver grows.
 *
 *   node bench/gold.ts [sensors, 10000 by default] [readings of each, 1000 by default]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { prepareRefresh, refreshStaleMinutes } from '../collector/gold/refresh.ts';
import { EmbeddedPostgres } from '../commands/up/postgres.ts';
import { migrate } from '../db/migrate.ts';
import { freePort } from '../test/harness/server.ts';

const START = '2025-11-12T00:00:00Z';
const REFRESHES = 5;

const [sensors = 10_000, seconds = 1000] = process.argv.slice(2).map(Number);
const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-gold-'));
const server = new EmbeddedPostgres({
  dataDir: join(folder, 'postgres'),
  port: await freePort(),
  log: () => undefined,
});
try {
  await server.start();
  await migrate(server.url);
  const client = new pg.Client(server.url);
  await client.connect();
  await prepareRefresh(client);
  await registerSensors(client);
  for (const [from, to] of [
    [0, Math.ceil(seconds / 10)],
    [Math.ceil(seconds / 10), seconds],
  ] as const) {
    await fill(client, from, to);
    console.log(
      `\n${(to * sensors).toLocaleString('en')} readings of ${sensors.toLocaleString('en')} sensors\n`,
    );
    await showPlan(client);
    for (const stale of [sensors / 10, sensors]) {
      await limit(client, false);
      console.log(await refreshTimes(client, to, stale, 'without limits'));
      await limit(client, true);
      console.log(await refreshTimes(client, to, stale, 'all with max_step_per_s and max_stuck'));
    }
  }
  await client.end();
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}

/** Sensors that are expected to send once a second, so that each has quality to be counted. */
async function registerSensors(client: pg.Client): Promise<void> {
  await client.query(
    `INSERT INTO silver.sensor (sensor_id, quantity, unit, min_value, max_value, expected_interval)
     SELECT 'Sensor ' || n, 'temperature', '°C', 0, 45, '1 second' FROM generate_series(1, $1::int) n`,
    [sensors],
  );
  await client.query('INSERT INTO silver.seen_sensor SELECT sensor_id, $1::timestamptz FROM silver.sensor', [
    START,
  ]);
}

/** One reading a second and sensor. */
async function fill(client: pg.Client, from: number, to: number): Promise<void> {
  await client.query(
    `INSERT INTO silver.sensor_reading (time, sensor_id, value, quality)
     SELECT $1::timestamptz + second * INTERVAL '1 second', 'Sensor ' || sensor, (second / 7 + sensor) % 40 + second % 2 * 0.1, 'valid'
     FROM generate_series($2::int, $3::int - 1) second CROSS JOIN generate_series(1, $4::int) sensor`,
    [START, from, to, sensors],
  );
  await client.query('VACUUM (ANALYZE) silver.sensor_reading');
  await client.query('ANALYZE silver.sensor; ANALYZE silver.seen_sensor');
}

async function showPlan(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ 'QUERY PLAN': string }>(
    'EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) SELECT * FROM silver.latest_reading',
  );
  for (const row of rows) console.log(row['QUERY PLAN']);
  console.log();
}

/** The limits are such that no healthy reading breaks them: what is measured is the looking. */
async function limit(client: pg.Client, limited: boolean): Promise<void> {
  await client.query(
    limited
      ? `UPDATE silver.sensor SET max_step_per_s = 100, max_stuck = '10 minutes'`
      : 'UPDATE silver.sensor SET max_step_per_s = NULL, max_stuck = NULL',
  );
  await client.query('VACUUM ANALYZE silver.sensor');
}

/** The last two minutes of so many sensors are stale, as with sensors that send all the time. The first refresh is thrown away. */
async function refreshTimes(client: pg.Client, second: number, stale: number, what: string): Promise<string> {
  const now = new Date(Date.parse(START) + second * 1000);
  const times: number[] = [];
  for (let n = 0; n <= REFRESHES; n++) {
    await client.query(
      `INSERT INTO sluice.stale_minute
       SELECT date_trunc('minute', $1::timestamptz, 'UTC') - ago * INTERVAL '1 minute', 'Sensor ' || sensor
       FROM generate_series(0, 1) ago CROSS JOIN generate_series(1, $2::int) sensor`,
      [new Date(now.getTime() - 1000), stale],
    );
    const began = performance.now();
    await refreshStaleMinutes(client, { now });
    if (n > 0) times.push(performance.now() - began);
  }
  const median = times.sort((one, other) => one - other)[REFRESHES >> 1]!;
  return `refresh of 2 minutes of ${stale.toLocaleString('en')} sensors, ${what}: ${median.toFixed(0)} ms (${times[0]!.toFixed(0)}–${times.at(-1)!.toFixed(0)})`;
}
