import { expect, test } from 'vitest';
import { RejectWatch } from '../../../collector/serve/reject-watch.ts';

test('a stream that is mostly rejected is noticed, and forgotten a minute after it is well again', () => {
  const watch = new RejectWatch();
  expect(watch.reason()).toBeUndefined();
  watch.sample({ received: 1000, rejected: 900 });
  expect(watch.reason()).toBeUndefined();
  watch.sample({ received: 1100, rejected: 951 });
  expect(watch.reason()).toBe(
    '51 of the last 100 messages were rejected; data/rejected has each with its reason',
  );
  watch.sample({ received: 1102, rejected: 951 });
  expect(watch.reason()).toBeUndefined();
  for (let sample = 0; sample < 7; sample++) watch.sample({ received: 1110, rejected: 959 });
  expect(watch.reason()).toBeUndefined();
});

test('a handful of messages is no stream', () => {
  const watch = new RejectWatch();
  watch.sample({ received: 0, rejected: 0 });
  watch.sample({ received: 19, rejected: 19 });
  expect(watch.reason()).toBeUndefined();
  watch.sample({ received: 20, rejected: 20 });
  expect(watch.reason()).toMatch(/^20 of the last 20 /);
});
