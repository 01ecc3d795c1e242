import { expect, test } from 'vitest';
import { LiveJudge } from '../../../collector/serve/live-judge.ts';

const SECOND = 1_000_000;
const noon = Date.UTC(2025, 10, 12, 12) * 1000;

function judgeOf(maxStepPerS: number | null = null): LiveJudge {
  const judge = new LiveJudge(5);
  judge.learn(new Map([['a', { min: -10, max: 40, maxStepPerS }]]));
  return judge;
}

test('out of range and unknown are known at once; the bounds themselves are valid', () => {
  const judge = judgeOf();
  const quality = (id: string, value: number) => judge.judge(id, noon, value).quality;
  expect([-127, -10, 40, 40.5].map(value => quality('a', value))).toEqual([
    'out_of_range',
    'valid',
    'valid',
    'out_of_range',
  ]);
  expect(quality('b', 20)).toBe('unknown_sensor');
  expect(new LiveJudge(5).judge('a', noon, 20).quality).toBeNull();
});

test('late is what comes after a reading that is more than LATE_MINUTES newer', () => {
  const judge = judgeOf();
  const late = (seconds: number) => judge.judge('a', noon + seconds * SECOND, 20).late;
  expect([0, 300, 0, -1, 301].map(late)).toEqual([false, false, false, true, false]);
});

test('a jump is a change from the last valid reading that is faster than the registry allows', () => {
  const judge = judgeOf(0.1);
  const jump = (seconds: number, value: number) => judge.judge('a', noon + seconds * SECOND, value).jump;
  expect(jump(0, 20)).toBe(false);
  expect(jump(1, 20.1)).toBe(false);
  expect(jump(2, 20.3)).toBe(true);
  // What is out of range has jumped there, and nothing jumps back from it.
  expect(jump(3, -127)).toBe(true);
  expect(jump(4, 20.5)).toBe(false);
});
