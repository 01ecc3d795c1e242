import { expect, test } from 'vitest';
import { Health } from '../../base/health.ts';

test('the reasons are those that hold at this moment, in the order in which they were handed in', () => {
  const health = new Health();
  let lag = 10;
  health.watch('refresh_late', () => (lag > 180 ? `${lag} s since the last refresh` : undefined));
  health.watch('broker_away', () => 'the broker is away');
  expect(health.reasons()).toEqual([{ name: 'broker_away', message: 'the broker is away' }]);
  lag = 181;
  expect(health.reasons()).toEqual([
    { name: 'refresh_late', message: '181 s since the last refresh' },
    { name: 'broker_away', message: 'the broker is away' },
  ]);
});

test('a look that throws is a reason, and hides no other', () => {
  const health = new Health();
  health.watch('clock_wrong', () => {
    throw new Error('no clock');
  });
  health.watch('broker_away', () => 'the broker is away');
  expect(health.reasons().map(({ message }) => message)).toEqual([
    'cannot tell: no clock',
    'the broker is away',
  ]);
});
