import { describe, expect, test } from 'vitest';
import { eventually } from '../../harness/eventually.ts';
import { withoutMosquitto } from '../../harness/mosquitto.ts';
import { withoutNats } from '../../harness/nats.ts';
import { withoutRedis } from '../../harness/redis.ts';
import { upTo, valuesAt, withOutlets } from './feeding.ts';
import {
  jetStreamReceiver,
  mqttReceiver,
  redisListReceiver,
  redisStreamReceiver,
  webhookReceiver,
} from './receivers.ts';

const IN_FLIGHT = 50;

describe.for([
  { kind: 'redis-stream', missing: withoutRedis, start: redisStreamReceiver },
  { kind: 'redis-list', missing: withoutRedis, start: redisListReceiver },
  { kind: 'jetstream', missing: withoutNats, start: jetStreamReceiver },
  { kind: 'mqtt', missing: withoutMosquitto, start: mqttReceiver },
  { kind: 'webhook', missing: false, start: webhookReceiver },
])('$kind', ({ missing, start }) => {
  test.skipIf(missing)(
    'consumer and collector stop and start in the middle: nothing is missing, repeats are few and known by their id',
    async () => {
      await using receiver = await start();
      const outlet = { name: 'consumer', ...receiver.entry, in_flight: IN_FLIGHT };
      await withOutlets([outlet], async ({ record, restart, database }) => {
        const arrived = (n: number) =>
          eventually(async () => expect(await valuesAt(receiver)).toEqual(upTo(n)));
        await record(0, 200);
        await arrived(200);
        await receiver.stop();
        await record(200, 300);
        await receiver.start();
        await arrived(500);
        await restart();
        await record(500, 100);
        await arrived(600);
        const all = await receiver.received();
        expect(new Set(all.map(({ id }) => id)).size).toBe(600);
        // It broke twice, each time with at most one batch on its way.
        expect(all.length - 600).toBeLessThanOrEqual(2 * IN_FLIGHT);
        await eventually(async () =>
          expect(
            await database.query(
              'SELECT sum(f.bytes - o.bytes)::int AS behind FROM bronze.raw_file f JOIN bronze.outlet_file o USING (collector, path)',
            ),
          ).toEqual([{ behind: 0 }]),
        );
      });
    },
  );
});
