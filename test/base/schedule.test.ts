import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { everyMinute, isCron, onCron } from '../../base/schedule.ts';

const HOUR_MS = 3_600_000;
const machineZone = process.env.TZ;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
  if (machineZone === undefined) delete process.env.TZ;
  else process.env.TZ = machineZone;
});

describe.each([
  ['Europe/Vienna', 'forward', '2026-03-29T01:00Z'],
  ['Europe/Vienna', 'back', '2026-10-25T01:00Z'],
  ['America/Santiago', 'back', '2026-04-05T03:00Z'],
  ['America/Santiago', 'forward', '2026-09-06T04:00Z'],
  ['Australia/Lord_Howe', 'back', '2026-04-04T15:00Z'],
  ['Australia/Lord_Howe', 'forward', '2026-10-03T15:30Z'],
])('the night on which the clocks of %s go %s', (zone, direction, change) => {
  const at = Date.parse(change);

  beforeEach(() => {
    process.env.TZ = zone;
    // The host's clock really changes there.
    const [before, after] = [at - 1, at].map(ms => -new Date(ms).getTimezoneOffset());
    expect(after! > before!).toBe(direction === 'forward');
    vi.setSystemTime(at - 24 * HOUR_MS);
  });

  test('each minute is there once', async () => {
    const calls: number[] = [];
    const schedule = everyMinute(5, () => calls.push(Date.now()));
    await vi.advanceTimersByTimeAsync(48 * HOUR_MS);
    schedule.stop();
    const minutes = Array.from({ length: 48 * 60 }, (_, n) => at - 24 * HOUR_MS + n * 60_000 + 5000);
    expect(calls).toEqual(minutes);
  });

  test.each(['17 3 * * *', '30 1 * * *', '0 45 15 * * *'])('%s is there once a day', async expression => {
    const calls: string[] = [];
    const schedule = onCron(expression, () => calls.push(new Date().toISOString()));
    await vi.advanceTimersByTimeAsync(48 * HOUR_MS);
    schedule.stop();
    expect(calls).toHaveLength(2);
    const [minute, hour] = expression.split(' ').slice(-5);
    for (const call of calls) expect(call.slice(11, 16)).toBe(`${hour!.padStart(2, '0')}:${minute}`);
  });
});

test('a timer that ends a moment too early makes no second call in its minute', async () => {
  vi.setSystemTime('2026-01-01T00:00:04.400Z');
  const calls: string[] = [];
  const schedule = everyMinute(5, () => calls.push(new Date().toISOString()));
  await vi.advanceTimersByTimeAsync(90_000);
  schedule.stop();
  expect(calls).toEqual(['2026-01-01T00:01:05.000Z']);
});

test('after a jump of the clock, the second is right again within a minute', async () => {
  vi.setSystemTime('2026-01-01T00:00:00Z');
  const calls: string[] = [];
  const schedule = everyMinute(5, () => calls.push(new Date().toISOString()));
  vi.setSystemTime('2020-06-01T12:00:31Z');
  await vi.advanceTimersByTimeAsync(120_000);
  schedule.stop();
  expect(calls).toEqual(['2020-06-01T12:00:36.000Z', '2020-06-01T12:01:05.000Z', '2020-06-01T12:02:05.000Z']);
});

test('a time at which the machine slept is made up for when it wakes', async () => {
  vi.setSystemTime('2026-01-01T03:00:00Z');
  const work = vi.fn();
  const schedule = onCron('17 3 * * *', work);
  vi.setSystemTime('2026-01-01T09:00:00Z');
  await vi.advanceTimersByTimeAsync(20 * 60_000);
  expect(work).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(24 * HOUR_MS);
  expect(work).toHaveBeenCalledTimes(2);
  schedule.stop();
});

test('a clock that jumps back makes no second night of one that was', async () => {
  vi.setSystemTime('2026-01-02T03:10:00Z');
  const work = vi.fn();
  const schedule = onCron('17 3 * * *', work);
  vi.setSystemTime('2026-01-01T12:00:00Z');
  await vi.advanceTimersByTimeAsync(15 * HOUR_MS);
  expect(work).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(HOUR_MS);
  schedule.stop();
  expect(work).toHaveBeenCalledTimes(1);
});

test.each([
  '17 3 * * *',
  '0 17 3 * * *',
  '*/10 * * * * *',
  '*/5 0-6,22 1,15 */2 1-5',
  '0 0 29 2 *',
  '0 0 31 1-2 *',
])('"%s" is a cron expression', text => expect(isCron(text)).toBe(true));

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
  '* * * *',
  '* * * * * * *',
  '0 0 * * mon',
  '',
])('"%s" is none, or names no time that comes', text => expect(isCron(text)).toBe(false));

test('what has become due between two looks at the clock is not waited for', () => {
  const timer = vi.spyOn(globalThis, 'setTimeout');
  const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 1200 * 86_400_000);
  onCron('17 3 * * *', () => undefined).stop();
  expect(timer.mock.lastCall?.[1]).toBe(0);
  for (const spy of [timer, clock]) spy.mockRestore();
});
