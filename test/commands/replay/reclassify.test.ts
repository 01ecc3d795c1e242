import { join } from 'node:path';
import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import { zoneOf } from '../../../base/time.ts';
import { findFiles } from '../../../commands/replay/files.ts';
import { Reclassification, type ReclassifyOptions } from '../../../commands/replay/reclassify.ts';
import { sensorDaysOf } from '../../../commands/replay/sensor-days.ts';
import { connect } from '../../../db/connect.ts';
import { databaseServers } from '../../harness/database.ts';
import { interleave } from '../../harness/lines.ts';
import { type Pipeline, reading, silent, withPipeline } from '../verify/pipeline.ts';

/** Judges the pipeline's silver again, without refreshing. */
async function reclassify(pipeline: Pipeline, options: Partial<ReclassifyOptions> = {}) {
  const open = () => connect(pipeline.database.url, 'test', () => undefined);
  const reclassification = new Reclassification({
    connect: open,
    log: silent,
    dryRun: false,
    progress: () => {},
    ...options,
  });
  try {
    return await reclassification.run();
  } finally {
    reclassification.end();
  }
}

/** The same on connections whose statements `before` sees first. */
const watched = (pipeline: Pipeline, before: (sql: string, client: pg.Client) => Promise<void> | void) => ({
  connect: async () => {
    const client = await connect(pipeline.database.url, 'test', () => undefined);
    return interleave(client, sql => before(sql, client));
  },
});

const limit = (pipeline: Pipeline, set: string, sensor = 'Sensor 1') =>
  pipeline.database.query(`UPDATE silver.sensor SET ${set} WHERE sensor_id = '${sensor}'`);

const qualities = (pipeline: Pipeline) =>
  pipeline.database.query(
    'SELECT sensor_id AS sensor, value, quality FROM silver.sensor_reading ORDER BY time, sensor_id',
  );

/** Three sensors, of which one is not registered, on two days; loaded and refreshed. */
async function load(pipeline: Pipeline): Promise<void> {
  for (const day of ['2025-11-12', '2025-11-14']) {
    pipeline.record(
      reading('Sensor 1', `${day}T10:15:00Z`, 10),
      reading('Sensor 1', `${day}T10:15:20Z`, 20),
      reading('Sensor 1', `${day}T10:15:40.000001Z`, 30),
      reading('Sensor 1', `${day}T10:17:00Z`, 50),
      reading('Sensor 2', `${day}T10:15:00Z`, 20),
      reading('New', `${day}T10:15:00Z`, 20),
    );
  }
  await pipeline.load();
  await pipeline.refresh();
}

describe.each(databaseServers())('judging again on $name', server => {
  const reclassifyTest = (name: string, use: (pipeline: Pipeline) => Promise<void>) =>
    test(name, () =>
      withPipeline(async pipeline => {
        await load(pipeline);
        await use(pipeline);
      }, server),
    );

  reclassifyTest('follows a changed registry on request, and not before', async pipeline => {
    const { database } = pipeline;
    const before = await qualities(pipeline);
    await limit(pipeline, 'min_value = 15, max_value = NULL');
    await database.query(
      "INSERT INTO silver.sensor (sensor_id, quantity, unit) VALUES ('New', 'flow', 'l/s')",
    );
    await database.query("DELETE FROM silver.sensor WHERE sensor_id = 'Sensor 2'");
    await pipeline.refresh();
    expect(await qualities(pipeline)).toEqual(before);
    expect((await pipeline.replay()).refused).toEqual([]);
    await pipeline.refresh();
    expect(await qualities(pipeline)).toEqual(before);

    const changes = [
      { sensorId: 'New', from: 'unknown_sensor', to: 'valid', rows: 2 },
      { sensorId: 'Sensor 1', from: 'out_of_range', to: 'valid', rows: 2 },
      { sensorId: 'Sensor 1', from: 'valid', to: 'out_of_range', rows: 2 },
      { sensorId: 'Sensor 2', from: 'valid', to: 'unknown_sensor', rows: 2 },
    ];
    const untouched = await pipeline.dump();
    expect(await reclassify(pipeline, { dryRun: true })).toEqual(changes);
    expect(await pipeline.dump()).toEqual(untouched);
    expect(await reclassify(pipeline)).toEqual(changes);
    const day = [
      { sensor: 'New', value: 20, quality: 'valid' },
      { sensor: 'Sensor 1', value: 10, quality: 'out_of_range' },
      { sensor: 'Sensor 2', value: 20, quality: 'unknown_sensor' },
      { sensor: 'Sensor 1', value: 20, quality: 'valid' },
      { sensor: 'Sensor 1', value: 30, quality: 'valid' },
      { sensor: 'Sensor 1', value: 50, quality: 'valid' },
    ];
    expect(await qualities(pipeline)).toEqual([...day, ...day]);
    expect((await pipeline.verify()).ok).toBe(true);
    await pipeline.refresh();
    const means =
      "SELECT sensor_id, val_mean, n::int FROM gold.daily_mean WHERE bucket = '2025-11-14Z' ORDER BY 1";
    expect(await database.query(means)).toEqual([
      { sensor_id: 'New', val_mean: 20, n: 1 },
      { sensor_id: 'Sensor 1', val_mean: 100 / 3, n: 3 },
    ]);
    expect(await pipeline.verify()).toMatchObject({ ok: true, staleMinutes: 0 });

    const after = await pipeline.dump();
    expect(await reclassify(pipeline)).toEqual([]);
    await pipeline.refresh();
    expect(await pipeline.dump()).toEqual(after);
  });

  reclassifyTest('brings flags and the quality of data along, also where no row changes', async pipeline => {
    const { database } = pipeline;
    await limit(
      pipeline,
      "max_value = 60, max_step_per_s = 0.2, max_stuck = '1h', expected_interval = '20s'",
    );
    // As if it had been seen then: minutes in which nothing came are expected from there on.
    await database.query("UPDATE silver.seen_sensor SET seen_at = '2025-11-14 10:15:00Z'");
    await database.query("UPDATE sluice.quality_watermark SET filled_to = '2025-11-14 10:20:00Z'");
    expect(await reclassify(pipeline)).toEqual([
      { sensorId: 'Sensor 1', from: 'out_of_range', to: 'valid', rows: 2 },
    ]);
    await pipeline.refresh();
    const flags =
      "SELECT jump FROM silver.sensor_reading WHERE sensor_id = 'Sensor 1' AND time > '2025-11-14' ORDER BY time";
    expect((await database.query(flags)).map(({ jump }) => jump)).toEqual([false, true, true, true]);
    const expected = await database.query(
      `SELECT expected::float8, received::int, jumps::int FROM gold.data_quality_1min
       WHERE sensor_id = 'Sensor 1' AND bucket >= '2025-11-14' AND bucket < '2025-11-14 10:20Z' ORDER BY bucket`,
    );
    expect(expected).toEqual([
      { expected: 3, received: 3, jumps: 2 },
      { expected: 3, received: 0, jumps: 0 },
      { expected: 3, received: 1, jumps: 1 },
      { expected: 3, received: 0, jumps: 0 },
      { expected: 3, received: 0, jumps: 0 },
    ]);
    // The limits go again, and with them what followed.
    await limit(pipeline, 'max_step_per_s = NULL, expected_interval = NULL');
    expect(await reclassify(pipeline)).toEqual([]);
    await pipeline.refresh();
    expect((await database.query(flags)).some(({ jump }) => jump)).toBe(false);
    const rest =
      "SELECT count(*)::int AS n, count(expected)::int AS expected FROM gold.data_quality_1min WHERE sensor_id = 'Sensor 1'";
    expect(await database.query(rest)).toEqual([{ n: 4, expected: 0 }]);
  });

  reclassifyTest('of named files judges their sensors and days alone', async pipeline => {
    await limit(pipeline, 'max_value = 5');
    await limit(pipeline, 'max_value = 5', 'Sensor 2');
    const foreign = join(pipeline.folder, 'foreign.jsonl');
    pipeline.write(
      foreign,
      `${reading('Sensor 2', '2025-11-12T00:00:00Z', 1)}\n${reading('Sensor 2', '2025-11-14T00:00:00Z', 1)}\n`,
    );
    const own = join(pipeline.raw, '2025-11-12_Sensor_1.jsonl');
    const files = await findFiles([own, foreign], pipeline.dataDir);
    const only = await sensorDaysOf(files, zoneOf('UTC'), () => {});
    expect(await reclassify(pipeline, { only })).toEqual([
      { sensorId: 'Sensor 1', from: 'valid', to: 'out_of_range', rows: 3 },
      { sensorId: 'Sensor 2', from: 'valid', to: 'out_of_range', rows: 2 },
    ]);
    const [marks] = await pipeline.database.query(
      "SELECT count(*)::int AS n FROM sluice.stale_minute WHERE sensor_id = 'New' OR (sensor_id = 'Sensor 1' AND bucket > '2025-11-14')",
    );
    expect(marks.n).toBe(0);
    expect(await reclassify(pipeline)).toEqual([
      { sensorId: 'Sensor 1', from: 'valid', to: 'out_of_range', rows: 3 },
    ]);
  });

  reclassifyTest(
    'has what a collector that does not know the new registry loads meanwhile',
    async pipeline => {
      await limit(pipeline, 'max_value = 25');
      let loaded = false;
      const during = watched(pipeline, async sql => {
        // Between the two days, rows of both, judged by the old limits.
        if (loaded || !sql.includes('UPDATE silver.sensor_reading')) return;
        loaded = true;
        pipeline.record(
          reading('Sensor 1', '2025-11-12T11:00:00Z', 30),
          reading('Sensor 1', '2025-11-14T11:00:00Z', 30),
        );
        await limit(pipeline, 'max_value = 45');
        await pipeline.load();
        await limit(pipeline, 'max_value = 25');
      });
      await reclassify(pipeline, during);
      expect(loaded).toBe(true);
      const odd = (await qualities(pipeline)).filter(({ sensor }) => sensor === 'Sensor 1');
      expect(odd.filter(({ value, quality }) => value > 25 !== (quality === 'out_of_range'))).toEqual([]);
      expect(odd).toHaveLength(10);
      await pipeline.refresh();
      expect(await pipeline.verify()).toMatchObject({ ok: true, staleMinutes: 0 });
    },
  );

  reclassifyTest('leaves alone what retention has removed, or is about to', async pipeline => {
    const { database } = pipeline;
    await limit(pipeline, 'max_value = 25');
    await database.query("INSERT INTO sluice.retention (dropped_before) VALUES ('2025-11-14Z')");
    await database.query("DELETE FROM silver.sensor_reading WHERE time < '2025-11-12 10:15:30Z'");
    const early =
      "SELECT * FROM gold.reading_1min_mean WHERE bucket < '2025-11-14' ORDER BY bucket, sensor_id";
    const before = await database.query(early);
    expect(await reclassify(pipeline)).toEqual([
      { sensorId: 'Sensor 1', from: 'valid', to: 'out_of_range', rows: 1 },
    ]);
    await pipeline.refresh();
    expect(await database.query(early)).toEqual(before);
  });

  reclassifyTest('can be interrupted anywhere, and done again', async pipeline => {
    await limit(pipeline, 'max_value = 25');
    let statements = 0;
    for (let last = 1; ; last++) {
      statements = 0;
      const cut = watched(pipeline, () => {
        if (++statements > last) throw Object.assign(new Error('the process ends here'), { code: '22000' });
      });
      const ended = await reclassify(pipeline, cut).catch(error => error);
      // What was committed has its minutes queued: gold is either right or known to be stale. What was not is still to be done.
      const differences = (await pipeline.verify()).differences.first;
      expect(differences.filter(({ kind }) => kind !== 'quality')).toEqual([]);
      if (!(ended instanceof Error)) expect(differences).toEqual([]);
      if (!(ended instanceof Error)) break;
    }
    expect(statements).toBeGreaterThan(5);
    await pipeline.refresh();
    expect(await reclassify(pipeline, { dryRun: true })).toEqual([]);
    const [{ n }] = (await pipeline.database.query(
      "SELECT sum(n)::int AS n FROM gold.daily_mean WHERE sensor_id = 'Sensor 1'",
    )) as [{ n: number }];
    expect(n).toBe(4);
  });

  reclassifyTest('goes on after a lost connection and a deadlock', async pipeline => {
    await limit(pipeline, 'max_value = 25');
    let faults = 0;
    const broken = watched(pipeline, async (sql, client) => {
      if (!sql.includes('UPDATE silver.sensor_reading')) return;
      faults++;
      if (faults === 1) throw Object.assign(new Error('deadlock detected'), { code: '40P01' });
      if (faults === 2) {
        const { pid } = (
          await pipeline.database.query(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'test' AND datname = current_database() AND state = 'idle'",
          )
        )[0];
        await pipeline.database.query('SELECT pg_terminate_backend($1)', [pid]);
        expect(client).toBeDefined();
      }
    });
    expect(await reclassify(pipeline, broken)).toEqual([
      { sensorId: 'Sensor 1', from: 'valid', to: 'out_of_range', rows: 2 },
    ]);
    expect(faults).toBeGreaterThan(2);
  });

  test('changes a day of many rows by ranges', async () => {
    await withPipeline(async pipeline => {
      const { database } = pipeline;
      await database.query(
        `INSERT INTO silver.sensor_reading (time, sensor_id, value, quality)
         SELECT TIMESTAMPTZ '2025-11-12Z' + n * INTERVAL '0.72 seconds', 'Sensor 1', 99, 'valid' FROM generate_series(0, 119999) n`,
      );
      await database.query("INSERT INTO silver.seen_sensor (sensor_id) VALUES ('Sensor 1')");
      let updates = 0;
      const counting = watched(pipeline, sql => {
        if (sql.includes('UPDATE silver.sensor_reading')) updates++;
      });
      expect(await reclassify(pipeline, counting)).toEqual([
        { sensorId: 'Sensor 1', from: 'valid', to: 'out_of_range', rows: 120_000 },
      ]);
      expect(updates).toBe(2);
      expect(await reclassify(pipeline, { dryRun: true })).toEqual([]);
      const [marks] = await database.query(
        'SELECT count(DISTINCT bucket)::int AS n FROM sluice.stale_minute',
      );
      expect(marks.n).toBe(1440);
    }, server);
  });
});

test('the command line says what would change, changes it, and refreshes', async () => {
  await withPipeline(async pipeline => {
    await load(pipeline);
    await limit(pipeline, 'max_value = 25');
    const dry = await pipeline.sluice(['replay', '--reclassify', '--dry-run']);
    expect(dry).toMatchObject({ code: 0, stderr: '' });
    expect(dry.stdout).toMatch(
      /^sensor +is +would be +rows\nSensor 1 +valid +out_of_range +2\n1 sensor +2\n$/,
    );
    // The registry in the database counts, not the file: that says 45.
    const done = await pipeline.sluice(['replay', '--reclassify']);
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(done.stdout).toMatch(
      /^sensor +was +is +rows\nSensor 1 +valid +out_of_range +2\n1 sensor +2\n\d+ minutes? queued for the refresh\.\n\d+ minutes? refreshed\.\n$/,
    );
    expect(await pipeline.verify()).toMatchObject({ ok: true, staleMinutes: 0 });
    const again = await pipeline.sluice([
      'replay',
      '--reclassify',
      join(pipeline.raw, '2025-11-12_Sensor_1.jsonl'),
    ]);
    expect(again.stdout).toMatch(/^0 sensors +0\n2 minutes queued/m);
  });
});
