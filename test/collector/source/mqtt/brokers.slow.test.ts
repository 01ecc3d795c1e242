import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { eventually } from '../../../harness/eventually.ts';
import { startMosquitto, withoutMosquitto } from '../../../harness/mosquitto.ts';
import { payloadOf, publish } from '../../../harness/mqtt.ts';
import { startNats, withoutNats } from '../../../harness/nats.ts';
import { linesIn } from '../../../harness/pipeline.ts';
import { startRabbitmq, withoutRabbitmq } from '../../../harness/rabbitmq.ts';
import { temporaryFolder } from '../../../harness/server.ts';
import { sourceOn } from './source-on.ts';

const brokers = [
  // 3.10 closes the connection when it is asked for MQTT 5, without an answer.
  { name: 'RabbitMQ', missing: withoutRabbitmq, start: startRabbitmq, version: '3.1.1' },
  { name: 'NATS', missing: withoutNats, start: startNats, version: '3.1.1' },
  {
    name: 'Mosquitto',
    missing: withoutMosquitto,
    start: () => startMosquitto({ persistence: true }),
    version: '5',
  },
];

/** Readings from number `from` on, each of them different. */
function readings(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const ms = String(from + index).padStart(3, '0');
    return payloadOf('Sensor 1', `2025-11-12T10:15:01.${ms}Z`, from + index);
  });
}

describe.for(brokers)('$name', ({ missing, start, version }) => {
  test.skipIf(missing)('connects, records, and resumes after either side was away', async () => {
    await using broker = await start();
    await using folder = await temporaryFolder();
    const dataDir = folder.path;
    const recorded = (count: number) =>
      eventually(async () => {
        const lines = [...(await linesIn(join(dataDir, 'raw'))).values()].flat();
        // The broker may send again what it has not seen acknowledged; nothing may be missing.
        expect([...new Set(lines)].sort()).toEqual(readings(0, count));
      });
    const versions: string[] = [];
    const log = pino(
      { level: 'info' },
      {
        write: (line: string) => {
          const { mqtt } = JSON.parse(line);
          if (mqtt !== undefined) versions.push(mqtt);
        },
      },
    );

    {
      await using first = await sourceOn(broker.url, { dataDir, log });
      first.source.start();
      await eventually(() => expect(first.source.status.connected).toBe(true));
      await publish(broker.url, readings(0, 100));
      await recorded(100);
    }
    await publish(broker.url, readings(100, 50));
    await broker.stop();
    await broker.start();
    await using second = await sourceOn(broker.url, { dataDir, log });
    second.source.start();
    await recorded(150);
    // The broker sends what its session holds before it answers the subscription.
    await eventually(() => expect(second.source.status.connected).toBe(true));

    await broker.stop();
    await eventually(() => expect(second.source.status.connected).toBe(false));
    await broker.start();
    await eventually(() => expect(second.source.status.connected).toBe(true));
    await publish(broker.url, readings(150, 50));
    await recorded(200);
    // On a busy machine a connection more may be needed.
    expect([...new Set(versions)]).toEqual([version]);
  });
});
