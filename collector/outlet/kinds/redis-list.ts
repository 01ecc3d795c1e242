import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type Consumer, kind } from '../kind.ts';
import { jsonOf, type Message, numberOf } from '../message.ts';
import { closeRedis, connectRedis, redisUrl } from '../redis.ts';

/** A list that is full is looked at again after this long. */
const FULL_MS = 1000;

/**
 * A Redis list, which consumers take from by BRPOP: one JSON text a message, put in by one LPUSH for all of a batch. So of a
 * batch whose answer is lost either all or nothing is there.
 */
export const redisList = kind({
  name: 'redis-list',
  options: {
    url: redisUrl,
    key: z.string().min(1, 'must not be empty').default('sensor_data_queue').describe('Key of the list.'),
    shape: z
      .enum(['equipment', 'reading'], { error: 'must be equipment or reading' })
      .default('equipment')
      .describe(
        'equipment: {"equipment_id", "timestamp", "measurements": {name: value}}, of a sensor EQUIPMENT/name; reading: {"id", "sensor_id", "time", "value", "quality"}.',
      ),
    max_length: z
      .int('must be a whole number')
      .positive('must be at least 1')
      .default(1_000_000)
      .describe(
        'While the list holds as many texts, nothing is put into it: what comes waits in the raw files.',
      ),
  },
  async open({ url, key, shape, max_length: most }, { signal }): Promise<Consumer> {
    const client = await connectRedis(url);
    const texts = shape === 'equipment' ? equipmentTexts : (some: readonly Message[]) => some.map(jsonOf);
    const untilTaken = async () => {
      while ((await client.lLen(key)) >= most) await sleep(FULL_MS, undefined, { signal });
    };
    return {
      async send(messages) {
        await untilTaken();
        await client.lPush(key, texts(messages));
      },
      close: () => closeRedis(client),
    };
  },
});

/**
 * The texts of messages as programs expect them that know equipment rather than sensors. What stands behind the last slash
 * of a sensor's id is the name of the measurement, else it is `value`; measurements of one equipment and time share a text.
 */
export function equipmentTexts(messages: readonly Message[]): string[] {
  const readings = new Map<string, { equipment_id: string; timestamp: string; measurements: object }>();
  for (const message of messages) {
    const { sensorId, time: timestamp } = message;
    const at = sensorId.lastIndexOf('/');
    const [equipment, name] = at > 0 ? [sensorId.slice(0, at), sensorId.slice(at + 1)] : [sensorId, 'value'];
    const key = JSON.stringify([equipment, timestamp]);
    const reading = readings.get(key) ?? { equipment_id: equipment, timestamp, measurements: {} };
    Object.defineProperty(reading.measurements, name, { value: numberOf(message), enumerable: true });
    readings.set(key, reading);
  }
  return [...readings.values()].map(reading => JSON.stringify(reading));
}
