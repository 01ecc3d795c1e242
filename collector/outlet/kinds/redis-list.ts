import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type Consumer, kind } from '../kind.ts';
import { jsonOf, type Message, numberOf } from '../message.ts';
import { closeRedis, connectRedis, redisKey, redisUrl } from '../redis.ts';

/** A list that is full is looked at again after this long. */
const FULL_MS = 250;
/** After this long its consumer is away. */
const PATIENCE_MS = 10_000;

/**
 * Puts texts into a list where all of them have room, else says how long it is: in one step, whoever else puts something
 * into it. LPUSH takes no more arguments at once than Lua has room for.
 */
const PUSH = `
local length = redis.call('LLEN', KEYS[1])
if length + #ARGV - 1 > tonumber(ARGV[1]) then return length end
for first = 2, #ARGV, 1000 do
  redis.call('LPUSH', KEYS[1], unpack(ARGV, first, math.min(first + 999, #ARGV)))
end
return -1`;

/**
 * A Redis list, which consumers take from by BRPOP: one JSON text a message, all of a batch put in at once. So of a batch whose
 * answer is lost either all or nothing is there.
 */
export const redisList = kind({
  name: 'redis-list',
  options: {
    url: redisUrl,
    key: redisKey.default('sensor_data_queue').describe('Key of the list.'),
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
        'The list never becomes longer by what is put into it: what has no room waits in the raw files. At least in_flight.',
      ),
  },
  examine({ max_length: most, in_flight: inFlight }, _surroundings, report) {
    if (most < inFlight)
      report('max_length', `must be at least in_flight, which is ${inFlight}: a batch goes in as a whole`);
  },
  async open({ url, key, shape, max_length: most }, { signal }): Promise<Consumer> {
    const client = await connectRedis(url);
    const texts = shape === 'equipment' ? equipmentTexts : (some: readonly Message[]) => some.map(jsonOf);
    return {
      async send(messages) {
        const given = { keys: [key], arguments: [String(most), ...texts(messages)] };
        for (let waited = 0; ; waited += FULL_MS) {
          const length = Number(await client.eval(PUSH, given));
          if (length < 0) return 0;
          if (waited >= PATIENCE_MS)
            throw new Error(
              `the list ${key} is full: its consumer has left ${length} texts in it (max_length ${most})`,
            );
          await sleep(FULL_MS, undefined, { signal });
        }
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
