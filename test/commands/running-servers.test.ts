import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../base/config.ts';
import { DataFolder } from '../../collector/bronze/data-folder.ts';
import { announceAddresses, withRunningServers } from '../../commands/running-servers.ts';
import { progressText } from '../../commands/up/up.ts';
import { temporaryFolder } from '../harness/server.ts';

test('commands find embedded servers on other ports, while the collector of the folder runs', async () => {
  await using folder = await temporaryFolder();
  const DATA_DIR = join(folder.path, 'data');
  const addresses = {
    broker: 'mqtt://127.0.0.1:2883',
    database: 'postgresql://sluice:sluice@127.0.0.1:6433/sluice',
  };
  const config = readConfig({ DATA_DIR });
  const lock = await DataFolder.lock(DATA_DIR, 'sluice');
  {
    await using _announced = await announceAddresses(DATA_DIR, addresses);
    expect(await withRunningServers(config)).toMatchObject({
      MQTT_URL: addresses.broker,
      DATABASE_URL: addresses.database,
      embedded: { broker: true, postgres: true },
    });
    const own = readConfig({ DATA_DIR, DATABASE_URL: 'postgresql://db.example/sluice' });
    expect(await withRunningServers(own)).toMatchObject({
      MQTT_URL: addresses.broker,
      DATABASE_URL: 'postgresql://db.example/sluice',
    });
  }
  expect(await withRunningServers(config)).toEqual(config);
  await announceAddresses(DATA_DIR, addresses);
  await lock.unlock();
  // What a crash has left.
  expect(await withRunningServers(config)).toEqual(config);
});

test('every message is in the line that npm start prints; what is seldom is shown where there is some', () => {
  const none = { received: 5, recorded: 5, stored: 5, duplicates: 0, conflicts: 0, refused: 0, rejected: 0 };
  expect(progressText({ ...none, pendingBytes: 1 })).toBe('5 recorded, 5 stored, 0 rejected, 1 byte to load');
  const some = { ...none, stored: 2, duplicates: 1, conflicts: 1, refused: 1, rejected: 3 };
  expect(progressText({ ...some, pendingBytes: 0 })).toBe(
    '5 recorded, 2 stored, 1 sent twice, 1 conflicting, 1 not storable, 3 rejected, 0 bytes to load',
  );
});
