import { z } from 'zod';
import { kind } from '../kind.ts';
import { closeRedis, connectRedis, redisUrl } from '../redis.ts';

/** A Redis stream: one entry a message, appended by XADD, with the fields `id`, `sensor_id`, `time` and what else there is. */
export const redisStream = kind({
  name: 'redis-stream',
  options: {
    url: redisUrl,
    key: z.string().min(1, 'must not be empty').default('sluice:readings').describe('Key of the stream.'),
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
    const trim = most === undefined ? [] : ['MAXLEN', '~', String(most)];
    return {
      async send(messages) {
        // Pipelined: the library sends what is asked within one tick together.
        await Promise.all(
          messages.map(({ id, sensorId, time, fields }) => {
            const command = ['XADD', key, ...trim, '*', 'id', id, 'sensor_id', sensorId, 'time', time];
            for (const name in fields) command.push(name, String(fields[name]));
            return client.sendCommand(command);
          }),
        );
      },
      close: () => closeRedis(client),
    };
  },
});
