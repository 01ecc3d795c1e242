import { expect, test } from 'vitest';
import type { Alert } from '../../../../collector/outlet/alerts/alert.ts';
import { nextAlert, type Observation, stateOf, untold } from '../../../../collector/outlet/alerts/alert.ts';

const seen = { subject: 'Sensor 1', group: '', summary: 'it is hot' };
const bad = { ...seen, bad: true, fine: false };
const fine = { ...seen, bad: false, fine: true };
const neither = { ...seen, bad: false, fine: false };

/** The states after observations, a minute apart; it fires after 2 minutes and resolves after 3. */
function statesAfter(observations: Observation[]): string[] {
  let alert: Alert | undefined;
  return observations.map((observation, minute) => {
    alert = nextAlert(alert, observation, { rule: 'hot', severity: 'page' }, minute * 60_000, {
      forMs: 120_000,
      keepMs: 180_000,
    });
    return alert === undefined ? 'none' : stateOf(alert);
  });
}

test('it fires when it has held for long enough, and resolves when it has not for long enough', () => {
  expect(statesAfter([bad, bad, bad, fine, fine, fine, fine])).toEqual([
    'pending',
    'pending',
    'firing',
    'firing',
    'firing',
    'firing',
    'resolved',
  ]);
});

test('what comes and goes does not fire, and what fires does not resolve by a moment', () => {
  expect(statesAfter([bad, fine, bad, fine])).toEqual(['pending', 'none', 'pending', 'none']);
  expect(statesAfter([bad, bad, bad, fine, fine, bad, fine, fine])).toEqual([
    'pending',
    'pending',
    ...Array(6).fill('firing'),
  ]);
});

test('between the two limits it stays as it is', () => {
  expect(statesAfter([bad, neither, bad, neither, neither, fine, neither, fine, fine, fine, fine])).toEqual([
    'pending',
    'pending',
    ...Array(8).fill('firing'),
    'resolved',
  ]);
});

test('a receiver is told once that it fires and once that it is over', () => {
  const alert: Alert = { ...seen, rule: 'hot', severity: 'page', since: 0, told: {} };
  expect(untold(alert, 'ops')).toBeUndefined();
  expect(untold({ ...alert, firedAt: 1 }, 'ops')).toBe('firing');
  expect(untold({ ...alert, firedAt: 1, told: { ops: 'firing' } }, 'ops')).toBeUndefined();
  expect(untold({ ...alert, firedAt: 1, resolvedAt: 2, told: { ops: 'firing' } }, 'ops')).toBe('resolved');
  expect(untold({ ...alert, firedAt: 1, resolvedAt: 2, told: { ops: 'resolved' } }, 'ops')).toBeUndefined();
  expect(untold({ ...alert, firedAt: 1, resolvedAt: 2, told: { ops: 'due' } }, 'ops')).toBe('resolved');
});

test('a receiver that came into the file later is not told of the end of what it has never heard of', () => {
  const alert: Alert = {
    ...seen,
    rule: 'hot',
    severity: 'page',
    since: 0,
    firedAt: 1,
    told: { ops: 'firing' },
  };
  expect(untold(alert, 'late')).toBe('firing');
  expect(untold({ ...alert, resolvedAt: 2 }, 'late')).toBeUndefined();
});
