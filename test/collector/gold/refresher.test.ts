import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Refreshed, Refresher } from '../../../collector/gold/refresher.ts';
import { newDatabase, type TestDatabase } from '../../harness/database.ts';

let database: TestDatabase;
let lines: { level: number; msg: string; reason?: string }[];
let refresher: Refresher;

beforeEach(async () => {
  database = await newDatabase();
  lines = [];
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  refresher = new Refresher(database.url, log);
});
afterEach(async () => {
  vi.useRealTimers();
  await refresher.stop(10_000);
  await database.drop();
});

const WARN = 40;
const warnings = () => lines.filter(({ level }) => level === WARN).map(({ msg }) => msg);

test('who follows it hears of each refresh, and stops none by throwing', async () => {
  const heard: Refreshed[] = [];
  refresher.refreshes.follow(() => {
    throw new Error('cannot draw that');
  });
  refresher.refreshes.follow(refreshed => heard.push(refreshed));
  await database.query(`INSERT INTO sluice.stale_minute VALUES ('2025-11-12 10:15Z', 'a')`);
  await refresher.refresh();
  await refresher.refresh();
  expect(heard.map(({ minutes }) => minutes)).toEqual([1, 0]);
});

test('gold that is over three minutes late is a warning, once, with the reason; and when it is over that is said', async () => {
  await refresher.refresh();
  expect(refresher.lateness).toBeUndefined();
  vi.useFakeTimers({ toFake: ['performance'] });
  await database.query('ALTER TABLE sluice.stale_minute RENAME TO taken_away');
  for (let minute = 0; minute < 6; minute++) {
    vi.advanceTimersByTime(60_000);
    await refresher.refresh();
  }
  expect(warnings()).toEqual([
    expect.stringMatching(/^gold was last refreshed \d+ s ago; it should be each minute: .*stale_minute/),
  ]);
  expect(refresher.lateness).toMatch(/^gold was last refreshed 3\d\d s ago/);
  await database.query('ALTER TABLE sluice.taken_away RENAME TO stale_minute');
  await refresher.refresh();
  expect(refresher.lateness).toBeUndefined();
  expect(lines.at(-1)!.msg).toBe('gold is refreshed each minute again');
});

test('a database that is still to be migrated is no error, and one that loses a table later is', async () => {
  await using scope = new AsyncDisposableStack();
  const empty = await newDatabase({ migrated: false });
  scope.defer(() => empty.drop());
  const early = new Refresher(
    empty.url,
    pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) }),
  );
  scope.defer(() => early.stop(10_000));
  await early.refresh();
  expect(lines).toEqual([]);
  await refresher.refresh();
  await database.query('ALTER TABLE sluice.stale_minute RENAME TO taken_away');
  await refresher.refresh();
  expect(lines.map(({ msg }) => msg)).toEqual(['cannot refresh; the minutes stay stale until it works']);
});
