import { expect, test } from 'vitest';
import { breathing } from '../../base/breathe.ts';

function* numbers(n: number, work: () => void = () => undefined) {
  for (let i = 0; i < n; i++) {
    work();
    yield i;
  }
}

test.each([0, 1, 64, 65, 1000])('hands on each of %i items once, in their order', async n => {
  const seen: number[] = [];
  for await (const batch of breathing(numbers(n))) seen.push(...batch);
  expect(seen).toEqual(Array.from({ length: n }, (_, i) => i));
});

test('others have the thread while it goes on', async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const busy = () => {
    const until = performance.now() + 2;
    while (performance.now() < until);
  };
  for await (const _ of breathing(numbers(50, busy)));
  clearInterval(timer);
  expect(turns).toBeGreaterThan(2);
});
