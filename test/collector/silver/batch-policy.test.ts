import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BatchPolicy } from '../../../collector/silver/batch-policy.ts';

test('nothing is due while nothing waits', () => {
  expect(new BatchPolicy(10, 1000).untilDue(0)).toBeUndefined();
});

test('a batch is due when enough lines wait, or the first has waited long enough', () => {
  const policy = new BatchPolicy(10, 1000);
  policy.add(4, 100);
  expect(policy.untilDue(100)).toBe(1000);
  policy.add(5, 800);
  expect(policy.untilDue(900)).toBe(200);
  expect(policy.untilDue(1100)).toBe(0);
  expect(policy.untilDue(5000)).toBe(0);
  policy.add(1, 900);
  expect(policy.untilDue(900)).toBe(0);
});

test('after a batch that took all, waiting begins anew; after one that did not, the rest is due at once', () => {
  const policy = new BatchPolicy(10, 1000);
  policy.add(10, 0);
  policy.taken(true, 50);
  expect(policy.untilDue(50)).toBe(0);
  policy.taken(false, 60);
  expect(policy.untilDue(60)).toBeUndefined();
  policy.add(1, 500);
  expect(policy.untilDue(600)).toBe(100);
});

test('what comes after a full batch does not wait for more that does not come', () => {
  const policy = new BatchPolicy(10, 1000);
  policy.add(10, 0);
  policy.taken(false, 0);
  policy.add(1, 100);
  policy.add(1, 250);
  expect(policy.untilDue(250)).toBe(200);
  expect(policy.untilDue(450)).toBe(0);
  // While lines trickle in, the limit stands.
  for (let now = 300; now <= 1050; now += 150) policy.add(1, now);
  expect(policy.untilDue(1050)).toBe(50);
  policy.taken(false, 1100);
  policy.add(1, 1200);
  expect(policy.untilDue(1200)).toBe(1000);
});

test('no line waits longer than the limit, whatever comes', () => {
  const arrivals = fc.array(fc.record({ lines: fc.integer({ min: 1, max: 30 }), after: fc.nat(300) }), {
    minLength: 1,
  });
  fc.assert(
    fc.property(arrivals, list => {
      const policy = new BatchPolicy(50, 1000);
      let now = 0;
      let waiting = 0;
      let oldest = Number.POSITIVE_INFINITY;
      for (const { lines, after } of list) {
        now += after;
        policy.add(lines, now);
        waiting += lines;
        oldest = Math.min(oldest, now);
        const due = policy.untilDue(now);
        if (waiting >= 50) expect(due).toBe(0);
        expect(due).toBeLessThanOrEqual(Math.max(0, oldest + 1000 - now));
        if (due !== 0) continue;
        policy.taken(false, now);
        waiting = 0;
        oldest = Number.POSITIVE_INFINITY;
      }
    }),
  );
});
