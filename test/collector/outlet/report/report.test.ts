import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeReport } from '../../../../collector/outlet/report/report.ts';
import { newDatabase, type TestDatabase } from '../../../harness/database.ts';
import { type Played, playDay } from './example.ts';

const DAY = '2025-11-12';
const EVIL = `<script>alert("x")</script>'&`;
const EMOJI = '🌡'.repeat(50);
const RTL = '\u202eשלום';

const sensors: Played[] = [
  { id: 'Good', location: 'Hall 1' },
  {
    id: 'Gappy',
    gaps: [
      [60, 120],
      [480, 760],
      [1000, 1001],
    ],
    extra: { late: 5, duplicates: 7 },
  },
  { id: 'Half', faults: [[0, 1440]], extra: { stuck: 11, jumps: 2 } },
  {
    id: 'Slow',
    interval: 300,
    gaps: [
      [3, 12],
      [600, 640],
    ],
  },
  {
    id: 'Minutely',
    interval: 60,
    gaps: [
      [5, 6],
      [100, 102],
    ],
  },
  { id: 'Free', interval: null, gaps: [[0, 700]] },
  { id: EVIL, quantity: EVIL, unit: EVIL, location: EVIL, faults: [[0, 300]] },
  { id: EMOJI, registered: false, extra: { rejected: 3 } },
  { id: RTL, registered: false },
];
let database: TestDatabase;
let page: string;

beforeAll(async () => {
  database = await newDatabase();
  await playDay(database, DAY, sensors);
  // The days around it are not its business.
  await playDay(database, '2025-11-11', [{ id: 'Before', registered: false }]);
  await playDay(database, '2025-11-13', [{ id: 'After', registered: false }]);
  await database.query(
    "INSERT INTO silver.sensor (sensor_id, quantity, unit) SELECT 'Spare ' || n, 't', '' FROM generate_series(1, 40) n",
  );
  await database.query("INSERT INTO bronze.raw_file (collector, path) VALUES ('c', 'p.jsonl')");
  await database.query(
    `INSERT INTO silver.rejected_line (collector, path, byte_offset, reason, line, time, sensor_id, rejected_at) VALUES
       ('c', 'p.jsonl', 0, 'no number', $1, '2025-11-12T23:59:59Z', 'a', '2025-11-20T00:00Z'),
       ('c', 'p.jsonl', 9, 'no number', '{"id"', NULL, NULL, '2025-11-12T00:00Z'),
       ('c', 'p.jsonl', 20, 'of another day', 'x', '2025-11-13T00:00Z', 'a', '2025-11-12T00:00Z')`,
    [`<img src=x onerror=alert(1)>\u001b${'y'.repeat(500)}`],
  );
  page = await report(DAY);
});
afterAll(() => database?.drop());

async function report(date: string, charts?: number): Promise<string> {
  const client = new pg.Client(database.url);
  await client.connect();
  try {
    // Somebody's settings must not move the day.
    await client.query("SET TIME ZONE 'Pacific/Auckland'");
    return await makeReport(client, date, charts);
  } finally {
    await client.end();
  }
}

/** Text of HTML as a person reads it, with one space between words. */
function read(source: string): string {
  return source
    .replaceAll(/<style>.*?<\/style>/gs, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/&lt;/g, '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&shy;', '')
    .replaceAll('&amp;', '&')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(' ,', ',');
}

/** A sensor's row of the table and its card, as text. */
function partsOf(id: string): { row: string; card: string; svg: string } {
  const within = (parts: RegExpMatchArray[]) =>
    parts.map(([part]) => part).filter(part => read(part).includes(id))[0] ?? '';
  const card = within([...page.matchAll(/<article.*?<\/article>/gs)]);
  return {
    row: read(within([...page.matchAll(/<tr><th scope="row">.*?<\/tr>/gs)])).trim(),
    card: read(card),
    svg: /<svg viewBox="0 0 640.*?<\/svg>/s.exec(card)?.[0] ?? '',
  };
}

test('the head adds up all sensors', () => {
  const text = read(page);
  expect(text).toContain('Wednesday, 12 November 2025');
  expect(text).toContain('2 not registered');
  // 4 sensors of one a second, one of 1440 a day, one of 288.
  expect(text).toContain('Expected 347,328 of 6 sensors');
  expect(text).toMatch(/Gaps 6 at 3 sensors/);
  expect(text).toMatch(/Late 5 .*Stuck 11 .*Jumps 2 .*Duplicates 7 /);
  expect(text).toMatch(/ 4 critical 1 warning 4 good /);
});

test('sensors are in the table worst first, all with a verdict in words', () => {
  const table = page.slice(page.indexOf('<tbody>'), page.indexOf('</tbody>'));
  const rows = [...table.matchAll(/<tr>.*?<\/tr>/gs)].map(([row]) => read(row).trim());
  expect(rows).toHaveLength(sensors.length);
  expect(rows.map(row => /critical|warning|good/.exec(row)?.[0])).toEqual([
    ...Array(4).fill('critical'),
    'warning',
    'good',
    'good',
    'good',
    'good',
  ]);
  expect(partsOf('Good').row).toMatch(/^Good temperature, Hall 1 good 100\.0 86,400 86,400 0 0 0 0 0 0$/);
  expect(partsOf('Gappy').row).toMatch(
    /^Gappy temperature critical 76\.3 65,947 86,400 3 5 h 41 min 0 5 0 0 7$/,
  );
  expect(partsOf('Half').row).toMatch(/critical 50\.0 86,400 86,400 0 43,200 0 11 2 0$/);
  expect(partsOf('Free').row).toMatch(/good 100\.0 44,400 – – 0 0 0 0 0$/);
});

test('gaps are listed, the longest first, and are gaps of the line', () => {
  const { card, svg } = partsOf('Gappy');
  expect(card).toContain(
    'Gaps 3, 5 h 41 min in all 08:00–12:40, 4 h 40 min: 16,800 readings missing 01:00–02:00, 1 h: 3,600 readings missing 16:40–16:41, 1 min: 60 readings missing',
  );
  expect(svg.match(/fill="var\(--gap\)"/g)).toHaveLength(3);
  const line = / d="([^"]*)"[^>]*stroke="var\(--line\)"/.exec(svg)![1]!;
  expect(line.match(/M/g)).toHaveLength(4);
  // 00:00 to 24:00 is 640 wide.
  const xs = [...line.matchAll(/[ML]([\d.]+) /g)].map(([, x]) => Number(x));
  expect(xs.filter(x => x > (481 / 1440) * 640 && x < (759 / 1440) * 640)).toEqual([]);
  expect(partsOf('Good').svg).not.toContain('var(--gap)');
});

test('a sensor of five minutes has a gap where two readings are missing, and not between two that came', () => {
  const { card, svg } = partsOf('Slow');
  // Minutes 601 to 639 are empty by the gap, and the ones before 600 and after 640 by the interval.
  expect(card).toContain('Gaps 2, ');
  expect(card).toMatch(/09:56–10:40, 44 min: 8 readings missing/);
  expect(card).toMatch(/00:01–00:15, 14 min: 2 readings missing/);
  expect(/ d="([^"]*)"[^>]*stroke="var\(--line\)"/.exec(svg)![1]!.match(/M/g)!.length).toBeLessThanOrEqual(3);
});

test('one missing reading is no gap: it may have fallen into the next minute', () => {
  expect(partsOf('Minutely').card).toContain('Gaps 1, 2 min in all 01:40–01:42, 2 min: 2 readings missing');
});

test('what is not valid is listed and marked', () => {
  const { card, svg } = partsOf('Half');
  expect(card).toContain('Not valid 1, the whole day in all 00:00–24:00: 43,200 out of range');
  expect(card).toContain('43,200 not valid, 11 stuck, 2 jumps');
  expect(svg).toContain('var(--fault)');
  expect(partsOf(EMOJI).card).toContain('No valid reading to draw.');
  expect(partsOf(EMOJI).card).toContain('86,400 while not registered, 3 rejected');
});

test('rejected lines are there by reason, with the newest line, cut short', () => {
  const text = read(page);
  expect(text).toContain('2 lines of raw files could not be stored');
  expect(text).toMatch(/no number 2 1 p\.jsonl at 0 <img src=x onerror=alert\(1\)>␛y{171} /);
  expect(text).not.toContain('of another day');
  expect(text).not.toMatch(/Before|After/);
});

test('registered sensors that were never heard of are named, some of them', () => {
  expect(read(page)).toContain(
    '40 sensors are registered, and nothing of them came or was expected on this day.',
  );
  expect(read(page)).toMatch(/Spare 1 .*and 10 more/);
});

test('nothing that a sensor is called is anything but text', () => {
  expect(page).not.toMatch(/<script|<img|onerror=alert\(1\)>(?!\u241b)/);
  for (const id of [EVIL, EMOJI, RTL]) expect(partsOf(id).row).toContain(id);
  expect(page).toContain(`<bdi>${RTL}</bdi>`);
  // Charts hold no text from outside at all.
  for (const [svg] of page.matchAll(/<svg.*?<\/svg>/gs)) expect(svg).not.toMatch(/script|שלום|🌡/);
});

test('the page is whole in itself', () => {
  const fetching = /<(?:link|script|iframe|object|image)\b|@import|url\(|<[^>]*\bsrc=/;
  expect(fetching.exec(page)?.[0]).toBe(undefined);
  expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
  expect([...page.matchAll(/href="([^"]*)"/g)].every(([, href]) => /^#s\d+$/.test(href!))).toBe(true);
  const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const [, target] of page.matchAll(/(?:href="#|aria-labelledby=")([^"]*)"/g))
    expect(ids).toContain(target);
});

test('charts are of the worst sensors only, the table is of all', async () => {
  const some = await report(DAY, 2);
  expect(some.match(/<article/g)).toHaveLength(2);
  expect(read(some)).toContain('The 2 worst sensors');
  expect(some.match(/<tr><th scope="row">/g)!.length).toBeGreaterThanOrEqual(sensors.length);
  expect((await report(DAY, 0)).match(/<article/g)).toBeNull();
});

test('a day without data says so', async () => {
  const text = read(await report('2020-02-29'));
  expect(text).toContain('Saturday, 29 February 2020');
  expect(text).toContain('No data The database has nothing of this day');
});

test('a day that the refresh has not counted to its end says how far', async () => {
  await database.query("UPDATE sluice.quality_watermark SET filled_to = '2025-11-12T17:05Z'");
  await database.query(
    `INSERT INTO sluice.stale_minute VALUES ('2025-11-12T23:59Z', 'Good'), ('2025-11-12T23:59Z', 'Good'), ('2025-11-13T00:00Z', 'Good')`,
  );
  const text = read(await report(DAY));
  expect(text).toContain('Minutes in which nothing came are counted up to 17:05 only.');
  expect(text).toContain('the next one counts 1 minute of a sensor anew');
});
