import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { Bodies } from '../../../../collector/source/http/body.ts';

const MAX = 64 * 1024 * 1024;

/** A body of chunks of 40,000 bytes. */
function bodyOf(bytes: number): Readable {
  const chunk = Buffer.alloc(40_000, 'x');
  return Readable.from(
    (function* () {
      for (let left = bytes; left > 0; left -= chunk.length) yield chunk.subarray(0, left);
    })(),
    { objectMode: false },
  );
}

test('one body may have all of the memory: neither its size nor how it is cut into chunks turns it away', async () => {
  const bodies = new Bodies(MAX);
  for (const bytes of [33_600_000, 45_000_000, MAX]) {
    expect((await bodies.read(bodyOf(bytes), undefined)).length).toBe(bytes);
    expect((await bodies.read(bodyOf(bytes), String(bytes))).length).toBe(bytes);
  }
});

test('two that are too much together: one of them is told to come back later, and then there is room again', async () => {
  const bodies = new Bodies(MAX);
  const both = await Promise.allSettled([1, 2].map(() => bodies.read(bodyOf(45_000_000), undefined)));
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { statusCode: 503 } });
  expect((await bodies.read(bodyOf(45_000_000), undefined)).length).toBe(45_000_000);
});

test('a body that is larger than it may be, or says so: 413', async () => {
  const bodies = new Bodies(1000);
  await expect(bodies.read(bodyOf(1001), undefined)).rejects.toMatchObject({ statusCode: 413 });
  await expect(bodies.read(bodyOf(10), '1001')).rejects.toMatchObject({ statusCode: 413 });
});
