import cron from 'node-cron';
import { expect, test } from 'vitest';
import { isCron } from '../../base/cron.ts';

test.each(['17 3 * * *', '0 17 3 * * *', '*/5 0-6,22 1,15 */2 1-5', '0 0 29 2 *', '0 0 31 1-2 *'])(
  '"%s" is a cron expression, also for what runs it',
  text => {
    expect(isCron(text)).toBe(true);
    expect(cron.validate(text)).toBe(true);
  },
);

test.each([
  '99 99 * * *',
  '60 * * * *',
  '0 24 * * *',
  '0 0 0 * *',
  '0 0 32 * *',
  '0 0 * 13 *',
  '0 0 * * 8',
  '*/0 * * * *',
  '30-10 * * * *',
  '- - - - -',
  '1,,2 * * * *',
  '0 0 31 2 *',
  '0 0 30 2 *',
  '0 0 31 2 1',
  '* * * *',
  '* * * * * * *',
])('"%s" is none, or names no date that comes', text => {
  expect(isCron(text)).toBe(false);
});
