import { expect, test } from 'vitest';
import { Throttle } from '../../../collector/serve/throttle.ts';

test('without load nobody waits for anybody', async () => {
  const throttle = new Throttle(() => false);
  const never = throttle.turn(() => new Promise<never>(() => undefined));
  expect(await throttle.turn(async () => 'done')).toBe('done');
  void never;
});

test('under load one works at a time, in the order in which they came; an error ends a turn too', async () => {
  const throttle = new Throttle(() => true);
  const log: string[] = [];
  const turn = (name: string) =>
    throttle.turn(async () => {
      log.push(`${name} begins`);
      await Promise.resolve();
      log.push(`${name} ends`);
      if (name === 'b') throw new Error('b fails');
      return name;
    });
  const [a, b, c] = await Promise.allSettled([turn('a'), turn('b'), turn('c')]);
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  expect([a.status, b.status, c.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

test('who waits in vain is told so, in time, and those behind still come in turn', async () => {
  const throttle = new Throttle(() => true, 20);
  const { promise, resolve } = Promise.withResolvers<string>();
  const slow = throttle.turn(() => promise);
  let done = false;
  const vain = throttle.turn(async () => {
    done = true;
  });
  await expect(vain).rejects.toMatchObject({ statusCode: 503, headers: { 'retry-after': '10' } });
  resolve('at last');
  expect(await slow).toBe('at last');
  const patient = new Throttle(() => true);
  expect(await patient.turn(async () => 'mine')).toBe('mine');
  expect(done).toBe(false);
});
