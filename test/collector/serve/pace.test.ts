import { expect, test } from 'vitest';
import { Pace } from '../../../collector/serve/pace.ts';

test('without load nobody waits for anybody', async () => {
  const pace = new Pace(() => false);
  const never = pace.turn(() => new Promise<never>(() => undefined));
  expect(await pace.turn(async () => 'done')).toBe('done');
  void never;
});

test('under load one works at a time, in the order in which they came; an error ends a turn too', async () => {
  const pace = new Pace(() => true);
  const log: string[] = [];
  const turn = (name: string) =>
    pace.turn(async () => {
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
