import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { zoneOf } from '../../../base/time.ts';
import { readCollectorName } from '../../../collector/bronze/folder-identity.ts';
import { defaultTopics } from '../../../collector/payload/topics.ts';
import { Nightly } from '../../../collector/retention/nightly.ts';
import { verify } from '../../../commands/verify/verify.ts';
import { connect } from '../../../db/connect.ts';
import { reading } from '../../commands/verify/pipeline.ts';
import { startEmbedded } from '../../harness/broker.ts';
import { databaseServers } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { publish } from '../../harness/mqtt.ts';
import {
  configFor,
  loaded,
  receiving,
  refresh,
  type Surroundings,
  silent,
  startCollector,
  withSurroundings,
} from '../../harness/pipeline.ts';
import { withHouse } from './house.ts';

const DAY_MS = 86_400_000;
const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10);
const settings = { RAW_COMPRESS_AFTER_DAYS: '7', RAW_RETENTION_DAYS: '30', SILVER_RETENTION_DAYS: '20' };

/** The settings of these surroundings, with a night every second. */
const everySecond = ({ broker, database, dataDir }: Surroundings, more: Record<string, string> = settings) =>
  configFor({
    MQTT_URL: broker.url,
    DATABASE_URL: database.url,
    DATA_DIR: dataDir,
    NIGHTLY_CRON: '* * * * * *',
    NIGHTLY_VERIFY_MINUTES: '0',
    ...more,
  });

async function verified({ database, dataDir }: Surroundings) {
  const client = await connect(database.url, 'test', () => undefined);
  try {
    return await verify(client, {
      dataDir,
      collector: (await readCollectorName(dataDir))!,
      topics: defaultTopics(['sensors/#'], zoneOf('UTC')),
    });
  } finally {
    await client.end();
  }
}

describe.each(databaseServers())('the nights of a collector on $name', server => {
  test('it compresses and removes what the settings say, beside what comes, and verify finds nothing amiss', async () => {
    await withSurroundings(server, startEmbedded, async surroundings => {
      const { broker, database, dataDir } = surroundings;
      const before = await startCollector(surroundings.config);
      await receiving(before.http);
      const lines = [0, 10, 25, 40].map(days => reading('Sensor 1', `${daysAgo(days)}T00:00:00Z`, days));
      await publish(broker.url, lines);
      await loaded(database, 4);
      await before[Symbol.asyncDispose]();
      // A database that is new gets everything first, and then forgets.
      await database.query(
        `TRUNCATE bronze.raw_file, bronze.decoded_with, bronze.outlet_file, silver.sensor_reading, sluice.stale_minute, gold.reading_1min_mean, gold.hourly_mean,
           gold.daily_mean CASCADE`,
      );
      await using collector = await startCollector(everySecond(surroundings));
      await receiving(collector.http);
      const names = () => readdir(join(dataDir, 'raw'));
      const named = (days: number, end: string) => `${daysAgo(days)}_Sensor_1.jsonl${end}`;
      const raw = async () => (await names()).filter(name => name.includes('.jsonl')).sort();
      await eventually(async () =>
        expect(await raw()).toEqual([named(25, '.gz'), named(10, '.gz'), named(0, '')]),
      );
      await eventually(async () =>
        expect(await database.query('SELECT value FROM silver.sensor_reading ORDER BY value')).toEqual([
          { value: 0 },
          { value: 10 },
        ]),
      );
      // Late, into the compressed day.
      await publish(broker.url, [reading('Sensor 1', `${daysAgo(10)}T01:00:00Z`, 11)]);
      await loaded(database, 5);
      await eventually(async () => {
        const text = gunzipSync(await readFile(join(dataDir, 'raw', named(10, '.gz')))).toString();
        expect(text.match(/\n/g)).toHaveLength(2);
      });
      await refresh(database);
      expect(await verified(surroundings)).toMatchObject({
        ok: true,
        total: { files: 3, lines: 4 },
        retired: { removed: { files: 1, lines: 1 }, forgotten: { files: 1, lines: 1 } },
      });
      expect(await database.query('SELECT FROM gold.daily_mean')).toHaveLength(4);
    });
  });
});

test('without settings nothing is removed', async () => {
  await withSurroundings(databaseServers()[0]!, startEmbedded, async surroundings => {
    const { broker, database, dataDir } = surroundings;
    await using collector = await startCollector(everySecond(surroundings, {}));
    await receiving(collector.http);
    const payload = reading('Sensor 1', '2020-01-01', 1);
    await publish(broker.url, [payload]);
    await loaded(database, 1);
    await eventually(async () =>
      expect(await readdir(join(dataDir, 'raw'))).toEqual(['2020-01-01_Sensor_1.jsonl.gz']),
    );
    expect(await database.query('SELECT value FROM silver.sensor_reading')).toHaveLength(1);
    expect(await database.query('SELECT FROM sluice.retention')).toEqual([]);
  });
});

/** A night in a house with two old days. @param clock ms since 1970. @returns the messages of its log. */
async function nightAt(
  clock: number,
  env: Record<string, string>,
  use: (names: string[]) => void,
): Promise<string[]> {
  const messages: string[] = [];
  await withHouse(async house => {
    await house.record(reading('Sensor 1', '2025-11-01', 1), reading('Sensor 1', '2025-11-09', 1));
    await house.load();
    const config = configFor({
      DATABASE_URL: house.pipeline.database.url,
      DATA_DIR: house.pipeline.dataDir,
      ...env,
    });
    const log = pino({ level: 'info' }, { write: line => messages.push(JSON.parse(line).msg) });
    const { collector } = house.pipeline;
    const nightly = new Nightly({ config, collector, recorder: house.recorder, log, now: () => clock });
    await nightly.run();
    await nightly.stop();
    use((await house.names()).filter(name => name.includes('.jsonl')));
  });
  return messages;
}

test('by the slower clock, a day counts as soon as it ended so long ago', async () => {
  const retention = { RAW_COMPRESS_AFTER_DAYS: '0', RAW_RETENTION_DAYS: '7' };
  const both = ['2025-11-01_Sensor_1.jsonl', '2025-11-09_Sensor_1.jsonl'];
  await nightAt(Date.parse('2025-11-08T23:59:59Z'), retention, names => expect(names).toEqual(both));
  await nightAt(Date.parse('2025-11-09T00:00:00Z'), retention, names => expect(names).toEqual(both.slice(1)));
  // Set ahead by years: the database knows better, and its day is long after the readings of this test, which go.
  await nightAt(Date.parse('2999-01-01'), { RAW_RETENTION_DAYS: '36500' }, names =>
    expect(names).toHaveLength(2),
  );
});

test('nothing is forgotten before it is loaded: gold would never know of it', async () => {
  await withHouse(async house => {
    const { dataDir, collector, database } = house.pipeline;
    const config = configFor({ DATABASE_URL: database.url, DATA_DIR: dataDir, SILVER_RETENTION_DAYS: '7' });
    const nightly = new Nightly({ config, collector, recorder: house.recorder, log: silent });
    await house.record(reading('Sensor 1', '2025-11-01', 1), reading('Sensor 1', '2025-11-10', 1));
    await nightly.run();
    expect(await database.query('SELECT FROM sluice.retention')).toEqual([]);
    await house.load();
    await nightly.run();
    await nightly.stop();
    expect(await database.query('SELECT FROM sluice.retention')).toHaveLength(1);
    // The newest day stays.
    expect(await database.query('SELECT time FROM silver.sensor_reading')).toEqual([
      { time: new Date('2025-11-10T00:00:00Z') },
    ]);
    expect(await database.query('SELECT FROM gold.daily_mean')).toHaveLength(2);
  });
});

test('by clocks that are years ahead nothing is removed: what was recorded says which days have been', async () => {
  await withHouse(async house => {
    const { dataDir, collector, database } = house.pipeline;
    const env = { RAW_COMPRESS_AFTER_DAYS: '0', RAW_RETENTION_DAYS: '7', SILVER_RETENTION_DAYS: '7' };
    const config = configFor({ DATABASE_URL: database.url, DATA_DIR: dataDir, ...env });
    // The database's clock is that of today, a year after these readings, as is the collector's.
    const nightly = new Nightly({ config, collector, recorder: house.recorder, log: silent });
    await house.record(...['2025-11-05', '2025-11-11'].map(day => reading('Sensor 1', day, 1)));
    await house.load();
    await nightly.run();
    expect(await house.names()).toHaveLength(2);
    expect(await database.query('SELECT FROM silver.sensor_reading')).toHaveLength(2);
    // A day goes when the sensors have reached the one on which it is too old.
    await house.record(reading('Sensor 1', '2025-11-12', 1));
    await house.load();
    await nightly.run();
    await nightly.stop();
    expect(await house.names()).toEqual(['2025-11-11_Sensor_1.jsonl', '2025-11-12_Sensor_1.jsonl']);
    expect(await database.query('SELECT FROM silver.sensor_reading')).toHaveLength(2);
  });
});

test('when the database is away nothing is done, and it is told', async () => {
  const env = { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none', RAW_RETENTION_DAYS: '7' };
  const messages = await nightAt(Date.now(), env, names => expect(names).toHaveLength(2));
  expect(messages).toEqual(['the work of the night is not done; it is tried again in an hour']);
});

test('where all is off, not even the database is asked', async () => {
  const env = { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none', RAW_COMPRESS_AFTER_DAYS: '0' };
  expect(await nightAt(Date.now(), env, () => undefined)).toEqual([]);
});

test('a file that appears in the raw folder and is none is left alone', async () => {
  await withHouse(async house => {
    await writeFile(join(house.pipeline.raw, '2025-11-01 notes.jsonl'), 'x\n');
    await writeFile(join(house.pipeline.raw, '2025-11-01_Sensor_1.jsonl'), '');
    expect(await house.compress('2025-11-05')).toBe(0);
    expect(await house.remove('2025-11-05')).toBe(0);
    expect(await house.names()).toHaveLength(2);
  });
});
