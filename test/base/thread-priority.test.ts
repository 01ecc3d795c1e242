import { getPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';

test.skipIf(process.platform !== 'linux')('a thread gives way to the others of its process', async () => {
  const file = JSON.stringify(new URL('../../base/thread-priority.ts', import.meta.url).href);
  const worker = new Worker(
    `import(${file}).then(({ giveWay }) => {
       giveWay();
       const thread = Number(require('node:fs').readlinkSync('/proc/thread-self').split('/').at(-1));
       require('node:worker_threads').parentPort.postMessage(require('node:os').getPriority(thread));
     })`,
    { eval: true },
  );
  const before = getPriority();
  const priority = await new Promise((resolve, reject) =>
    worker.once('message', resolve).once('error', reject),
  );
  await worker.terminate();
  expect(priority).toBe(5);
  expect(getPriority()).toBe(before);
});
