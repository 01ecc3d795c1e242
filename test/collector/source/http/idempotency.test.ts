import { expect, test } from 'vitest';
import { Answers } from '../../../../collector/source/http/idempotency.ts';

const body = Buffer.from('reading');

/** Work that counts how often it is done. */
function counting(bodyOfAnswer: object = {}) {
  let done = 0;
  return {
    work: async () => ({ code: 202, body: { ...bodyOfAnswer, done: ++done } }),
    get done() {
      return done;
    },
  };
}

test('the same key and body: done once, answered twice, also while the first is in flight', async () => {
  const answers = new Answers();
  const release = Promise.withResolvers<void>();
  let done = 0;
  const work = async () => {
    await release.promise;
    return { code: 202, body: { done: ++done } };
  };
  const first = answers.once('me', 'k', '/r', body, work);
  const second = answers.once('me', 'k', '/r', body, work);
  release.resolve();
  expect(await second).toEqual({ code: 202, body: { done: 1 } });
  expect(await first).toEqual(await second);
  expect(await answers.once('me', 'k', '/r', body, work)).toEqual(await first);
});

test('another body or another route under the same key is refused; another client has keys of its own', async () => {
  const answers = new Answers();
  const { work } = counting();
  await answers.once('me', 'k', '/r', body, work);
  const refused = { statusCode: 422 };
  expect(() => answers.once('me', 'k', '/r', Buffer.from('other'), work)).toThrow(
    expect.objectContaining(refused),
  );
  expect(() => answers.once('me', 'k', '/data', body, work)).toThrow(expect.objectContaining(refused));
  expect(await answers.once('you', 'k', '/r', body, work)).toMatchObject({ body: { done: 2 } });
});

test('what failed is not kept: the same request may try again', async () => {
  const answers = new Answers();
  const failing = () => Promise.reject(new Error('disk full'));
  await expect(answers.once('me', 'k', '/r', body, failing)).rejects.toThrow('disk full');
  expect(await answers.once('me', 'k', '/r', body, counting().work)).toMatchObject({ body: { done: 1 } });
});

test('an answer is kept for a day', async () => {
  let now = 1;
  const answers = new Answers(() => now);
  const counted = counting();
  await answers.once('me', 'k', '/r', body, counted.work);
  now += 24 * 3_600_000;
  await answers.once('me', 'k', '/r', body, counted.work);
  expect(counted.done).toBe(1);
  now += 1;
  await answers.once('me', 'k', '/r', body, counted.work);
  expect(counted.done).toBe(2);
});

test('the oldest are forgotten beyond 10,000 keys, and beyond 16 MiB of answers', async () => {
  const many = new Answers();
  const counted = counting();
  for (let key = 0; key < 10_001; key++) await many.once('me', `${key}`, '/r', body, counted.work);
  await many.once('me', '10000', '/r', body, counted.work);
  expect(counted.done).toBe(10_001);
  await many.once('me', '0', '/r', body, counted.work);
  expect(counted.done).toBe(10_002);

  const large = new Answers();
  const bulky = counting({ errors: 'x'.repeat(1024 * 1024) });
  for (let key = 0; key < 20; key++) await large.once('me', `${key}`, '/r', body, bulky.work);
  await large.once('me', '19', '/r', body, bulky.work);
  expect(bulky.done).toBe(20);
  await large.once('me', '0', '/r', body, bulky.work);
  expect(bulky.done).toBe(21);
});
