import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Alerts } from '../../../../collector/outlet/alerts/alerts.ts';
import { readAlerts } from '../../../../collector/outlet/alerts/alerts-file.ts';
import { newDatabase, type TestDatabase } from '../../../harness/database.ts';
import { silent } from '../../../harness/pipeline.ts';
import { temporaryFolder } from '../../../harness/server.ts';
import { type HookServer, hookServer } from './hooks.ts';

let database: TestDatabase;
let hook: HookServer;
beforeAll(async () => {
  [database, hook] = await Promise.all([newDatabase(), hookServer()]);
});
afterAll(() => Promise.all([database.drop(), hook[Symbol.asyncDispose]()]));
beforeEach(async () => {
  hook.bodies.length = 0;
  hook.status = 200;
  await database.query(`
    TRUNCATE gold.alert, gold.data_quality_1min, gold.reading_1min_mean, gold.data_quality_hourly, silver.sensor, silver.seen_sensor;
    UPDATE sluice.alerting SET held_until = NULL;
    INSERT INTO silver.sensor (sensor_id, location, expected_interval)
      SELECT 's' || n, CASE WHEN n < 3 THEN 'Hall 1' ELSE 'Hall 2' END, '10 s' FROM generate_series(1, 4) n;
    INSERT INTO silver.seen_sensor SELECT sensor_id, now() - INTERVAL '1 hour' FROM silver.sensor`);
});

/** The quality of the minute that runs: what came of a sensor. */
const came = (sensor: string, received: number, counts: Record<string, number> = {}) => {
  const all = {
    valid: 0,
    out_of_range: 0,
    unknown: 0,
    rejected: 0,
    duplicates: 0,
    conflicts: 0,
    late: 0,
    stuck: 0,
    jumps: 0,
    ...counts,
  };
  return database.query(
    `INSERT INTO gold.data_quality_1min AS q (bucket, sensor_id, received, ${Object.keys(all)})
     VALUES (date_trunc('minute', now(), 'UTC'), $1, $2, ${Object.values(all)})
     ON CONFLICT (bucket, sensor_id) DO UPDATE SET received = excluded.received, ${Object.keys(all).map(name => `${name} = excluded.${name}`)}`,
    [sensor, received],
  );
};
const mean = (sensor: string, value: number) =>
  database.query(
    `INSERT INTO gold.reading_1min_mean VALUES (date_trunc('minute', now(), 'UTC'), $1, $2, $2, $2, 1)
     ON CONFLICT (bucket, sensor_id) DO UPDATE SET val_mean = excluded.val_mean, val_min = least(reading_1min_mean.val_min, $2), val_max = greatest(reading_1min_mean.val_max, $2)`,
    [sensor, value],
  );
const firing = async () =>
  (
    await database.query<{ sensor_id: string }>(
      'SELECT sensor_id FROM gold.alert WHERE fired_at IS NOT NULL AND resolved_at IS NULL ORDER BY 1',
    )
  ).map(({ sensor_id }) => sensor_id);

/** Alerts as a collector that has just started has them; each evaluation is one of a new collector. */
async function evaluate(rules: object[], { lag = 0, receivers: names = ['hook'] } = {}): Promise<void> {
  await using folder = await temporaryFolder();
  const receivers = names.map(name => ({ name, kind: 'webhook', url: hook.url }));
  const alerts = new Alerts({
    file: readAlerts(JSON.stringify({ receivers, rules })),
    databaseUrl: database.url,
    dataDir: join(folder.path),
    collector: 'c',
    loadingLag: () => lag,
    view: () => ({
      reasons: [],
      failure: undefined,
      loadingLagSeconds: lag,
      fsyncSeconds: 0,
    }),
    log: silent,
  });
  await alerts.evaluate();
  await alerts.stop();
}

const told = () =>
  hook.bodies.map(({ alerts }) =>
    alerts.map((alert: Record<string, string>) => `${alert.state} ${alert.subject}`),
  );

test('silent sensors are told of once, together, and again when they are over; a restart neither repeats nor forgets', async () => {
  const rules = [{ name: 'silent', when: 'silent', keep: 0 }];
  await came('s1', 6);
  await evaluate(rules);
  expect(await firing()).toEqual(['s2', 's3', 's4']);
  expect(told()).toEqual([['firing s2', 'firing s3', 'firing s4']]);
  await evaluate(rules);
  expect(told()).toHaveLength(1);
  await came('s3', 1);
  await evaluate(rules);
  expect(told()[1]).toEqual(['resolved s3']);
  expect(await firing()).toEqual(['s2', 's4']);
});

test('what waits to be loaded is not silence', async () => {
  await evaluate([{ name: 'silent', when: 'silent' }], { lag: 60 });
  expect(await firing()).toEqual([]);
});

test('a receiver that is away is told later, of what is over by then as well; the alerts go on', async () => {
  const rules = [{ name: 'silent', when: 'silent', keep: 0, sensors: ['s1', 's2'] }];
  hook.status = 503;
  await evaluate(rules);
  await came('s1', 1);
  await evaluate(rules);
  expect(await firing()).toEqual(['s2']);
  hook.bodies.length = 0;
  hook.status = 200;
  await evaluate(rules);
  expect(told()).toEqual([['firing s2', 'resolved s1']]);
});

test('a receiver that is new in the file hears nothing of what was over before', async () => {
  const rules = [{ name: 'silent', when: 'silent', keep: 0, sensors: ['s1'] }];
  await evaluate(rules);
  await came('s1', 1);
  await evaluate(rules);
  expect(told()).toEqual([['firing s1'], ['resolved s1']]);
  await evaluate(rules, { receivers: ['hook', 'new'] });
  expect(told()).toHaveLength(2);
});

test('a time in which no collector evaluated counts neither as held nor as over', async () => {
  const rules = [{ name: 'silent', when: 'silent', for: '10min', keep: '10min', sensors: ['s1', 's2'] }];
  await evaluate(rules);
  const states = () =>
    database.query(`
      SELECT sensor_id, fired_at IS NOT NULL AS fired, resolved_at IS NOT NULL AS over FROM gold.alert ORDER BY 1`);
  await database.query(`
    UPDATE gold.alert SET since = since - INTERVAL '1 day' WHERE sensor_id = 's1';
    UPDATE gold.alert SET since = since - INTERVAL '2 days' WHERE sensor_id = 's2';
    UPDATE sluice.alerting SET held_until = held_until - INTERVAL '1 day'`);
  await evaluate(rules);
  expect(await states()).toEqual([
    { sensor_id: 's1', fired: false, over: false },
    { sensor_id: 's2', fired: true, over: false },
  ]);
  await came('s2', 1);
  await evaluate(rules);
  await database.query(`
    UPDATE gold.alert SET clear_since = clear_since - INTERVAL '1 day';
    UPDATE sluice.alerting SET held_until = held_until - INTERVAL '1 day'`);
  await evaluate(rules);
  expect((await states())[1]).toEqual({ sensor_id: 's2', fired: true, over: false });
});

test('by location: one message each', async () => {
  await evaluate([{ name: 'silent', when: 'silent', group: 'location' }]);
  expect(hook.bodies.map(({ group }) => group).sort()).toEqual(['Hall 1', 'Hall 2']);
  expect(told().flat()).toHaveLength(4);
});

test('it has to hold for as long as the rule says', async () => {
  await evaluate([{ name: 'silent', when: 'silent', for: '10min' }]);
  expect(await firing()).toEqual([]);
  await database.query(`UPDATE gold.alert SET since = since - INTERVAL '10 minutes'`);
  await evaluate([{ name: 'silent', when: 'silent', for: '10min' }]);
  expect(await firing()).toEqual(['s1', 's2', 's3', 's4']);
});

test.each(['out_of_range', 'stuck', 'jumps', 'rejected', 'late'])('too many readings are %s', async when => {
  const rules = [{ name: 'bad', when, share: 0.5, back: 0.2, keep: 0 }];
  await came('s1', 10, { [when]: 6 });
  await came('s2', 10, { [when]: 5 });
  await evaluate(rules);
  expect(await firing()).toEqual(['s1']);
  // Between the two limits it stays.
  await came('s1', 10, { [when]: 3 });
  await evaluate(rules);
  expect(await firing()).toEqual(['s1']);
  await came('s1', 10, { [when]: 2 });
  await evaluate(rules);
  expect(await firing()).toEqual([]);
});

test('a sensor that has sent something odd once, and then nothing, is no matter for ever', async () => {
  const rules = [{ name: 'unknown', when: 'unknown', within: '5min', keep: 0 }];
  await came('nobody', 1, { unknown: 1 });
  await evaluate(rules);
  expect(await firing()).toEqual(['nobody']);
  await database.query(`UPDATE gold.data_quality_1min SET bucket = bucket - INTERVAL '10 minutes'`);
  await evaluate(rules);
  expect(await firing()).toEqual([]);
});

test('a mean beyond a limit, and a change that is too large', async () => {
  const rules = [
    { name: 'hot', when: 'value', above: 30, margin: 2, keep: 0 },
    { name: 'cold', when: 'value', below: 0, keep: 0 },
    { name: 'fast', when: 'change', by: 5 },
  ];
  await mean('s1', 31);
  await mean('s2', -1);
  await mean('s3', 20);
  await evaluate(rules);
  expect(await firing()).toEqual(['s1', 's2']);
  await mean('s1', 29);
  await mean('s2', 0);
  await mean('s3', 26);
  await evaluate(rules);
  expect(await firing()).toEqual(['s1', 's3']);
  await mean('s1', 28);
  await evaluate(rules);
  expect(await firing()).toEqual(['s3']);
});

test('the score and the verdict of the last hour', async () => {
  await database.query(
    `INSERT INTO gold.data_quality_hourly (bucket, sensor_id, expected, received, valid, out_of_range, unknown, rejected, duplicates, conflicts, late, stuck, jumps)
     SELECT date_trunc('hour', now(), 'UTC') - INTERVAL '1 hour', s, 100, n, n, 0, 0, 0, 0, 0, 0, 0, 0
     FROM (VALUES ('s1', 79), ('s2', 80), ('s3', 99)) v (s, n)`,
  );
  await evaluate([{ name: 'score', when: 'score', below: 80 }]);
  expect(await firing()).toEqual(['s1']);
  await evaluate([{ name: 'verdict', when: 'verdict', is: ['warning', 'critical'] }]);
  // The other rule is not in the file any more: what fired by it is over.
  expect(
    await database.query('SELECT rule, sensor_id FROM gold.alert WHERE resolved_at IS NULL ORDER BY 2'),
  ).toEqual([
    { rule: 'verdict', sensor_id: 's1' },
    { rule: 'verdict', sensor_id: 's2' },
  ]);
});
