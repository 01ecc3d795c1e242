import { expect, test } from 'vitest';
import { NightlyVerify } from '../../../collector/retention/nightly-verify.ts';
import { connect } from '../../../db/connect.ts';
import { reading, withPipeline } from '../../commands/verify/pipeline.ts';
import { startEmbedded } from '../../harness/broker.ts';
import { databaseServers } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { payloadOf, publish } from '../../harness/mqtt.ts';
import {
  configFor,
  loaded,
  readyOf,
  receiving,
  refresh,
  silent,
  startCollector,
  withSurroundings,
} from '../../harness/pipeline.ts';

const metric = async (http: string, name: string) =>
  new RegExp(`^${name} (\\S+)$`, 'm').exec(await (await fetch(`${http}/metrics`)).text())?.[1];

test('each night what has changed is verified, and what differs is a metric and a reason', async () => {
  await withSurroundings(databaseServers()[0]!, startEmbedded, async ({ broker, database, config }) => {
    const { MQTT_URL, DATABASE_URL, DATA_DIR } = config;
    const night = { NIGHTLY_CRON: '* * * * * *', NIGHTLY_VERIFY_MINUTES: '1' };
    await using running = await startCollector(configFor({ MQTT_URL, DATABASE_URL, DATA_DIR, ...night }));
    await receiving(running.http);
    await publish(broker.url, [
      payloadOf('Sensor 1', '2025-11-12T10:15:01Z', 20),
      payloadOf('Sensor 2', '2025-11-12T10:15:01Z', 21),
    ]);
    await loaded(database, 2);
    await refresh(database);
    const unverified =
      'SELECT count(*)::int AS n FROM bronze.raw_file WHERE verified_bytes IS DISTINCT FROM bytes';
    await eventually(async () => expect(await database.query(unverified)).toEqual([{ n: 0 }]));
    await eventually(async () => expect(await metric(running.http, 'sluice_verify_files')).toBe('2'));
    expect(await metric(running.http, 'sluice_verify_differences')).toBe('0');
    expect(await metric(running.http, 'sluice_verify_waiting_files')).toBe('0');

    await database.query(`UPDATE silver.sensor_reading SET value = 22 WHERE sensor_id = 'Sensor 2'`);
    await eventually(async () =>
      expect((await readyOf(running.http)).body).toMatchObject({
        status: 'degraded',
        reasons: expect.arrayContaining([
          expect.objectContaining({
            name: 'verify_differs',
            message: expect.stringMatching(
              /\d differences between raw files and database.*npx sluice verify/,
            ),
          }),
        ]),
      }),
    );
    await database.query(`UPDATE silver.sensor_reading SET value = 21 WHERE sensor_id = 'Sensor 2'`);
    await eventually(async () => expect(await metric(running.http, 'sluice_verify_differences')).toBe('0'));
  });
});

test('what cannot be verified is told, and what is under way ends with the collector', async () => {
  await withPipeline(async pipeline => {
    const { DATABASE_URL, DATA_DIR } = pipeline.env as { DATABASE_URL: string; DATA_DIR: string };
    const said: unknown[] = [];
    const log = { ...silent, warn: (...args: unknown[]) => said.push(args) } as never;
    const away = new NightlyVerify(
      configFor({
        DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none',
        DATA_DIR,
        NIGHTLY_VERIFY_MINUTES: '1',
      }),
      log,
    );
    await away.run();
    expect(away.last).toBeUndefined();
    expect(said).toEqual([
      [{ reason: expect.stringContaining('ECONNREFUSED') }, expect.stringContaining('cannot verify')],
    ]);

    pipeline.record(reading('Sensor 1', '2025-11-12T10:15:01Z', 20));
    await pipeline.load();
    // Nobody gets past this table meanwhile.
    const holder = await connect(pipeline.database.url, 'test', () => undefined);
    await holder.query('BEGIN; LOCK TABLE bronze.raw_file');
    const stopped = new NightlyVerify(
      configFor({ DATABASE_URL, DATA_DIR, NIGHTLY_VERIFY_MINUTES: '1' }),
      log,
    );
    const running = stopped.run();
    await eventually(async () =>
      expect(
        await pipeline.database.query(
          `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'sluice verify' AND datname = current_database() AND wait_event_type = 'Lock'`,
        ),
      ).toEqual([{ n: 1 }]),
    );
    await stopped.stop();
    await running;
    await holder.end();
    expect(stopped.last).toBeUndefined();
    expect(said).toHaveLength(1);

    const off = new NightlyVerify(configFor({ DATABASE_URL, DATA_DIR, NIGHTLY_VERIFY_MINUTES: '0' }), log);
    await off.run();
    expect(off.last).toBeUndefined();
  });
});
