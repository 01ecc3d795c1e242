import { z } from 'zod';
import { kind } from '../kind.ts';
import type { Message } from '../message.ts';
import { closeRedis, connectRedis, redisKey, redisUrl } from '../redis.ts';

/**
 * Appends messages of one kind, which are entries with the same fields. One command for hundreds of entries costs the
 * client, and so the machine, a third of one for each.
 */
const APPEND = `
local fields = tonumber(ARGV[2])
local entry = {KEYS[1]}
local first = 2
if ARGV[1] ~= '' then
  entry[2], entry[3], entry[4] = 'MAXLEN', '~', ARGV[1]
  first = 5
end
entry[first] = '*'
for field = 1, fields do entry[first + 2 * field - 1] = ARGV[2 + field] end
local length = first + 2 * fields
for at = 2 + fields, #ARGV - fields, fields do
  for field = 1, fields do entry[first + 2 * field] = ARGV[at + field] end
  redis.call('XADD', unpack(entry, 1, length))
end`;

/** Entries of a command: Redis does nothing else meanwhile. */
const MOST_ENTRIES = 500;

/** A Redis stream: one entry a message, appended by XADD, with the fields `id`, `sensor_id`, `time` and what else there is. */
export const redisStream = kind({
  name: 'redis-stream',
  window: 3,
  options: {
    url: redisUrl,
    key: redisKey.default('sluice:readings').describe('Key of the stream.'),
    max_length: z
      .int('must be a whole number')
      .positive('must be at least 1')
      .optional()
      .describe(
        'About how many entries the stream keeps (MAXLEN ~): Redis removes the oldest. Without it the consumers have to.',
      ),
  },
  async open({ url, key, max_length: most }) {
    const client = await connectRedis(url);
    const append = (messages: readonly Message[]) => {
      // Of one outlet all are readings, or means.
      const names = Object.keys(messages[0]!.fields);
      const fields = ['id', 'sensor_id', 'time', ...names];
      const given = [most === undefined ? '' : String(most), String(fields.length), ...fields];
      for (const { id, sensorId, time, fields: values } of messages) {
        given.push(id, sensorId, time);
        for (const name of names) given.push(String(values[name]));
      }
      return client.eval(APPEND, { keys: [key], arguments: given });
    };
    return {
      async send(messages) {
        // Pipelined: the library sends what is asked within one tick together.
        const answers: Promise<unknown>[] = [];
        for (let at = 0; at < messages.length; at += MOST_ENTRIES)
          answers.push(append(messages.slice(at, at + MOST_ENTRIES)));
        await Promise.all(answers);
        return 0;
      },
      close: () => closeRedis(client),
    };
  },
});
