import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import { until } from '../test/harness/eventually.ts';
import { answers, freePort } from '../test/harness/server.ts';
import type { Bench } from './bench.ts';
import { startSluiceWith } from './sluice-subscriber.ts';
import type { StartSubscriber } from './subscriber.ts';

/** Redis as it is on this machine; undefined where it is not installed. */
export const redis = ['redis-server', '/usr/bin/redis-server', '/usr/local/bin/redis-server'].find(
  path => spawnSync(path, ['--version']).error === undefined,
);

const KEY = 'readings';
const PATIENCE_MS = 20 * 60_000;

/** What an outlet did beside a load. */
export interface Fed {
  /** When the last row of the load was committed, in ms since 1970. */
  stored: number;
  /** When the stream had the last reading of the load. */
  fed: number;
}

/** Sluice with an outlet that feeds a Redis stream. A message is done when its row is committed; the stream may have it later. */
export function startWithRedisStream(onFed: (fed: Fed) => void): StartSubscriber {
  return async (bench, broker, sensors, messages) => {
    await using stack = new AsyncDisposableStack();
    const port = await freePort();
    const settings = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no'];
    const server = await bench.programs.start('redis', redis!, settings);
    stack.defer(() => server.stop());
    await until('Redis listens', () => answers(port), { everyMs: 20, signal: bench.signal });
    const url = `redis://127.0.0.1:${port}`;
    const client = createClient({ url });
    client.on('error', () => undefined);
    await client.connect();
    stack.defer(() => client.destroy());
    const file = join(bench.folder, `outlets-${port}.yaml`);
    const outlet = { name: 'bench', kind: 'redis-stream', url, key: KEY, from: 'beginning' };
    await writeFile(file, JSON.stringify({ outlets: [outlet] }));
    const subscriber = await startSluiceWith({ OUTLETS_FILE: file })(bench, broker, sensors, messages);
    stack.use(subscriber);
    const untilFed = (n: number) => untilLength(bench, async () => (await client.xLen(KEY)) >= n);
    let stored = 0;
    const kept = stack.move();
    return {
      ...subscriber,
      untilDone: async n => {
        stored = await subscriber.untilDone(n);
        // Those before the load: it begins when nothing is left of them.
        if (n < messages) await untilFed(n);
        return stored;
      },
      [Symbol.asyncDispose]: async () => {
        try {
          await untilFed(messages);
          onFed({ stored, fed: Date.now() });
        } finally {
          await kept.disposeAsync();
        }
      },
    };
  };
}

async function untilLength({ signal }: Bench, fact: () => Promise<boolean>): Promise<void> {
  await until('the stream has all readings', fact, { ms: PATIENCE_MS, everyMs: 20, signal });
}
