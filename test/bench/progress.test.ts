import { expect, test } from 'vitest';
import { remainingSeconds } from '../../bench/progress.ts';

test('what is left takes as long as planned, at the pace of what is done', () => {
  const steps = [
    { name: 'a', seconds: 10 },
    { name: 'b', seconds: 20 },
    { name: 'c', seconds: 30 },
  ];
  expect(remainingSeconds(steps, 0, 0)).toBe(60);
  expect(remainingSeconds(steps, 1, 10)).toBe(50);
  expect(remainingSeconds(steps, 2, 60)).toBe(60);
  expect(remainingSeconds(steps, 3, 90)).toBe(0);
});
