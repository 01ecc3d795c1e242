import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Group } from '../../../collector/bronze/group.ts';
import { letGrow } from '../../../collector/bronze/growth.ts';

// Vitest's clock is that of the global timers; this one sleeps by it.
vi.mock('node:timers/promises', () => ({
  setTimeout: (ms: number) => new Promise(resolve => setTimeout(resolve, ms)),
}));

const line = Buffer.from('{}');

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Adds a line each millisecond, to `files` files in turn. @returns the group, and whether it may be written by now. */
function growing(files: number, signal = new AbortController().signal, lines = Number.POSITIVE_INFINITY) {
  const group = new Group();
  const add = () => {
    group.add(`raw/${group.recorded % files}`, line);
    group.recorded++;
  };
  for (let first = 0; first < files; first++) add();
  const timer = setInterval(() => {
    if (group.recorded < lines) add();
  }, 1);
  const grown = { done: false, group };
  void letGrow(() => group, signal).then(() => {
    grown.done = true;
    clearInterval(timer);
  });
  return grown;
}

test('a group grows while more comes, and longer where it has many files', async () => {
  const [few, many] = [growing(5), growing(1000)];
  await vi.advanceTimersByTimeAsync(90);
  expect([few.done, many.done]).toEqual([false, false]);
  await vi.advanceTimersByTimeAsync(40);
  expect([few.done, many.done]).toEqual([true, false]);
  await vi.advanceTimersByTimeAsync(300);
  expect(many.done).toBe(true);
});

test('it waits for nothing when nothing more comes, or when we stop', async () => {
  const stopping = new AbortController();
  const [quiet, stopped] = [growing(1000, undefined, 1000), growing(1000, stopping.signal)];
  stopping.abort();
  await vi.advanceTimersByTimeAsync(40);
  expect([quiet.done, stopped.done]).toEqual([true, true]);
});

test('a group that is turned away meanwhile is not waited for', async () => {
  let group: Group | undefined = growing(1000).group;
  let done = false;
  void letGrow(() => group, new AbortController().signal).then(() => {
    done = true;
  });
  group = undefined;
  await vi.advanceTimersByTimeAsync(40);
  expect(done).toBe(true);
});
