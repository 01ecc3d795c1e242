import type { Kind } from './kind.ts';
import { jetstream } from './kinds/jetstream.ts';
import { mqtt } from './kinds/mqtt.ts';
import { redisList } from './kinds/redis-list.ts';
import { redisStream } from './kinds/redis-stream.ts';
import { webhook } from './kinds/webhook.ts';

/** Every kind of outlet. */
export const kinds: readonly Kind[] = [redisStream, redisList, jetstream, mqtt, webhook];
