import type { RedisClientType } from '@redis/client';
import { z } from 'zod';
import { urlOption } from './kind.ts';

/** How long a connection may take. */
const CONNECT_MS = 10_000;

/** Where Redis is; user and password in it, `rediss:` for TLS. */
export const redisUrl = urlOption('redis:', 'rediss:').describe(
  'Where Redis is: redis://USER:PASSWORD@HOST:6379/DATABASE; rediss: for TLS.',
);

/** A key of Redis. */
export const redisKey = z.string('must be the name of a key').min(1, 'must not be empty');

export type Redis = RedisClientType;

/** Connects to Redis, once: whoever loses the connection comes back by himself. The library is loaded only here. */
export async function connectRedis(url: string): Promise<Redis> {
  const { createClient } = await import('@redis/client');
  const client = createClient({
    url,
    // What waits in memory for a server that is away would be neither sent nor noted.
    disableOfflineQueue: true,
    socket: { connectTimeout: CONNECT_MS, reconnectStrategy: false },
  }) as Redis;
  // Whoever waits for an answer hears of it.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Ends a connection at once. */
export function closeRedis(client: Redis): void {
  if (client.isOpen) client.destroy();
}
