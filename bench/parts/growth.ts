import { prepareRefresh, refreshStaleMinutes } from '../../collector/gold/refresh.ts';
import { migrate } from '../../db/migrate.ts';
import type { Bench } from '../bench.ts';
import { BenchDatabase } from '../database.ts';
import { loadStart } from '../load.ts';
import type { Plan } from '../plan.ts';
import type { PartResult } from '../result.ts';
import { startSluiceOn } from '../sluice-subscriber.ts';
import { ratios, spread } from '../stats.ts';
import { measure, type Round } from '../subscriber.ts';

/** What was measured on a silver of so many rows. */
interface Size {
  rows: number;
  /** ms of a refresh, of the newest minutes and of minutes spread over all of silver. */
  newest: number[];
  spreadOut: number[];
  loads: Round[];
}

/** Cost of a message, and of a refresh, as silver grows. */
export async function measureGrowth(bench: Bench, plan: Plan): Promise<PartResult> {
  const { sizes, amount, staleMinutes, refreshes, rounds } = plan.growth;
  await using stack = new AsyncDisposableStack();
  const results: Size[] = [];
  const templates: BenchDatabase[] = [];
  for (const rows of sizes) {
    bench.print(`  filling silver with ${rows.toLocaleString('en')} rows`);
    templates.push(stack.use(await filledDatabase(bench, rows, amount.sensors)));
    results.push({ rows, newest: [], spreadOut: [], loads: [] });
  }
  // The first one is thrown away.
  for (let time = 0; time <= refreshes; time++) {
    for (const [index, { newest, spreadOut }] of results.entries()) {
      const [ofNewest, ofSpread] = await refreshTimes(templates[index]!, staleMinutes);
      if (time === 0) continue;
      newest.push(ofNewest);
      spreadOut.push(ofSpread);
    }
  }
  for (const [index, { rows, newest }] of results.entries()) {
    await templates[index]!.release();
    bench.print(`  ${rows.toLocaleString('en')} rows: refresh ${spread(newest).median.toFixed(0)} ms`);
  }
  for (let round = 0; round < rounds; round++) {
    for (const [index, { rows, loads }] of results.entries()) {
      const load = await measure(bench, amount, startSluiceOn(templates[index]!.name));
      loads.push(load);
      bench.print(`  round ${round + 1}, ${rows} rows: ${Math.round(load.rate)} msg/s`);
    }
  }
  return resultOf(plan, results);
}

function resultOf({ growth }: Plan, results: Size[]): PartResult {
  const { amount, staleMinutes, refreshes, rounds } = growth;
  const least = results[0]!;
  const most = results.at(-1)!;
  const cost = ({ loads }: Size) => loads.map(({ cpu, databaseCpu = 0 }) => cpu + databaseCpu);
  return {
    title: 'Growth',
    method:
      `Silver filled with readings of ${amount.sensors} sensors, one a second each, and their means in gold; vacuumed and analysed. ` +
      `Then ${amount.messages.toLocaleString('en')} messages through Sluice, on a fresh copy each of ${rounds} round(s), and ` +
      `${refreshes} refreshes of ${staleMinutes} stale minutes of a sensor each: the newest ones, and ones spread over all of silver ` +
      '(which are on ever more pages).',
    columns: [
      { title: 'rows in silver' },
      { title: 'msg/s' },
      { title: 'CPU µs/msg', digits: 1 },
      { title: "database's CPU µs/msg", digits: 1 },
      { title: 'refresh ms', digits: 0 },
      { title: 'refresh, spread out, ms', digits: 0 },
    ],
    rows: results.map(size => [
      size.rows.toLocaleString('en'),
      spread(size.loads.map(({ rate }) => rate)),
      spread(size.loads.map(({ cpu }) => cpu)),
      spread(size.loads.map(({ databaseCpu }) => databaseCpu ?? Number.NaN)),
      spread(size.newest),
      spread(size.spreadOut),
    ]),
    figures: {
      'refresh, most rows to least': ratios(most.newest, least.newest),
      'CPU of collector and database, most rows to least': ratios(cost(most), cost(least)),
    },
    rounds: results,
  };
}

/** A database whose silver has so many rows, which end before any load begins. */
async function filledDatabase(bench: Bench, rows: number, sensors: number): Promise<BenchDatabase> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await BenchDatabase.create(bench));
  await migrate(database.url);
  const { client } = database;
  const seconds = Math.ceil(rows / sensors);
  const end = new Date(loadStart(0)).toISOString();
  await client.query(
    `INSERT INTO silver.sensor_reading (time, sensor_id, value, quality)
     SELECT $1::timestamptz - make_interval(secs => second), 'Sensor ' || sensor, (second + sensor) % 45, 'valid'
     FROM generate_series($2::int, 1, -1) AS second CROSS JOIN generate_series(1, $3::int) AS sensor`,
    [end, seconds, sensors],
  );
  await client.query(
    `INSERT INTO gold.reading_1min_mean (bucket, sensor_id, val_mean, val_min, val_max, n)
     SELECT date_trunc('minute', time, 'UTC'), sensor_id, avg(value), min(value), max(value), count(*)
     FROM silver.sensor_reading GROUP BY 1, 2`,
  );
  await client.query('VACUUM ANALYZE silver.sensor_reading');
  await client.query('VACUUM ANALYZE gold.reading_1min_mean');
  await prepareRefresh(client);
  stack.move();
  return database;
}

/** ms that the collector's own refresh takes: of the newest minutes, and of minutes spread over all of silver. */
async function refreshTimes(database: BenchDatabase, minutes: number): Promise<[number, number]> {
  return [
    await refreshTime(database, minutes, 'bucket DESC'),
    await refreshTime(database, minutes, 'md5(bucket::text || sensor_id)'),
  ];
}

async function refreshTime({ client }: BenchDatabase, minutes: number, order: string): Promise<number> {
  await client.query('TRUNCATE sluice.stale_minute');
  await client.query(
    `INSERT INTO sluice.stale_minute SELECT bucket, sensor_id FROM gold.reading_1min_mean ORDER BY ${order} LIMIT $1`,
    [minutes],
  );
  const began = performance.now();
  await refreshStaleMinutes(client);
  return performance.now() - began;
}
