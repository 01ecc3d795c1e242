import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Schedule } from '../../generator/schedule.ts';

const NOON = Date.UTC(2025, 10, 12, 12);

/** Clocks that stand still until they are moved. */
function stoppedClocks(wallMs = NOON) {
  const clocks = {
    wallMs,
    monotonicMs: 4321.5,
    wall: () => Math.floor(clocks.wallMs),
    monotonic: () => clocks.monotonicMs,
    /** Time goes by. */
    pass(ms: number) {
      clocks.wallMs += ms;
      clocks.monotonicMs += ms;
    },
  };
  return clocks;
}

test('it starts at the next whole second, and tick k is due at start + k intervals', () => {
  const clocks = stoppedClocks(NOON + 250);
  const schedule = new Schedule(1000, clocks);
  expect(schedule.startMs).toBe(NOON + 1000);
  expect(schedule.timeOf(0)).toBe(NOON + 1000);
  expect(schedule.timeOf(86_400)).toBe(NOON + 1000 + 86_400_000);
  expect(schedule.take()).toEqual({ ticks: [], skipped: 0 });
  expect(schedule.untilNext()).toBe(750);
  clocks.pass(750);
  expect(schedule.untilNext()).toBe(0);
  expect(schedule.take()).toEqual({ ticks: [0], skipped: 0 });
  expect(schedule.take()).toEqual({ ticks: [], skipped: 0 });
  expect(schedule.untilNext()).toBe(1000);
});

test('a short interval starts at its next multiple', () => {
  expect(new Schedule(20, stoppedClocks(NOON + 250)).startMs).toBe(NOON + 260);
});

test('late wake-ups add up to nothing: every tick is taken once, in order, for hours', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 900, noNaN: true }), { minLength: 100 }), latenesses => {
      const clocks = stoppedClocks();
      const schedule = new Schedule(1000, clocks);
      const taken: number[] = [];
      for (const lateness of latenesses) {
        clocks.pass(Math.max(1, schedule.untilNext()) + lateness);
        const { ticks, skipped } = schedule.take();
        expect(skipped).toBe(0);
        for (const tick of ticks) expect(clocks.wallMs - schedule.timeOf(tick)).toBeLessThanOrEqual(902);
        taken.push(...ticks);
      }
      expect(taken).toEqual(latenesses.map((_, tick) => tick));
    }),
  );
});

test('ticks missed while the machine was away are skipped and counted, but for the latest', () => {
  const clocks = stoppedClocks();
  const schedule = new Schedule(1000, clocks);
  clocks.pass(1000);
  expect(schedule.take()).toEqual({ ticks: [0], skipped: 0 });
  clocks.pass(8 * 3_600_000);
  expect(schedule.take()).toEqual({ ticks: [28_800], skipped: 28_799 });
});

test('a hiccup shorter than a second costs a fast schedule nothing', () => {
  const clocks = stoppedClocks();
  const schedule = new Schedule(100, clocks);
  clocks.pass(950);
  expect(schedule.take()).toEqual({ ticks: [0, 1, 2, 3, 4, 5, 6, 7, 8], skipped: 0 });
});

test('where the monotonic clock sleeps with the machine, the time of day moves the schedule on', () => {
  const clocks = stoppedClocks();
  const schedule = new Schedule(1000, clocks);
  clocks.pass(1000);
  schedule.take();
  clocks.wallMs += 3_600_000;
  const { ticks, skipped } = schedule.take();
  expect(ticks.map(tick => schedule.timeOf(tick))).toEqual([NOON + 1000 + 3_600_000]);
  expect(skipped).toBe(3599);
});

test('a clock that is set back neither repeats a time nor silences the sensors', () => {
  const clocks = stoppedClocks();
  const schedule = new Schedule(1000, clocks);
  clocks.pass(1000);
  schedule.take();
  clocks.wallMs -= 3_600_000;
  clocks.pass(1000);
  expect(schedule.take()).toEqual({ ticks: [1], skipped: 0 });
});

test('whatever the clocks do, no tick is taken twice, and taken and skipped ticks leave no gap', () => {
  const move = fc.record({
    pass: fc.integer({ min: 0, max: 5000 }),
    set: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: -50_000, max: 50_000 })),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), fc.array(move), (intervalMs, moves) => {
      const clocks = stoppedClocks();
      const schedule = new Schedule(intervalMs, clocks);
      let next = 0;
      for (const { pass, set } of moves) {
        clocks.pass(pass);
        clocks.wallMs += set;
        const { ticks, skipped } = schedule.take();
        next += skipped;
        for (const tick of ticks) expect(tick).toBe(next++);
      }
    }),
  );
});
