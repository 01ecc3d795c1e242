import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatTime, parseTime, utcDate, zoneOf } from '../../base/time.ts';

const utc = zoneOf('UTC');
const DAY = 86_400_000_000;
const instant = fc.integer({
  min: Date.UTC(2000, 0, 1) * 1000,
  max: Date.UTC(2200, 0, 1) * 1000 - 1,
});

test('parsing what was formatted gives the same microsecond', () => {
  fc.assert(
    fc.property(instant, time => {
      expect(parseTime(formatTime(time), utc)).toBe(time);
    }),
    { numRuns: 2000 },
  );
});

test('the usual form means the same as when it is looked at more closely', () => {
  const near = fc
    .tuple(instant, fc.nat(27), fc.constantFrom('', '0', '9', '.', 'Z', ':', ' '), fc.nat(7))
    .map(([time, at, char, cut]) => {
      const text = formatTime(time);
      const shorter = cut === 7 ? text.replace(/\.\d+/, '') : text.slice(0, 26 - cut).concat('Z');
      return fc.sample(fc.boolean(), { numRuns: 1, seed: at })[0]
        ? shorter
        : shorter.slice(0, at) + char + shorter.slice(at + 1);
    });
  fc.assert(
    // A small z is not of the usual form.
    fc.property(near, text => {
      expect(parseTime(text, utc)).toBe(parseTime(text.replace(/Z$/, 'z'), utc));
    }),
    { numRuns: 3000 },
  );
});

const offset = fc.oneof(
  fc.constantFrom({ sign: '+', hours: 0, minutes: 0 }),
  fc.record({
    sign: fc.constantFrom('+', '-'),
    hours: fc.integer({ min: 0, max: 23 }),
    minutes: fc.integer({ min: 0, max: 59 }),
  }),
);
const two = (n: number) => String(n).padStart(2, '0');

test('a time with an offset is what Date says, in each way of writing it', () => {
  const written = fc.record({
    time: instant,
    offset,
    t: fc.constantFrom('T', 't', ' '),
    point: fc.constantFrom('.', ','),
    colon: fc.constantFrom(':', ''),
    digits: fc.integer({ min: 0, max: 6 }),
    beyond: fc.stringMatching(/^\d{0,3}$/),
  });
  fc.assert(
    fc.property(written, ({ time, offset: { sign, hours, minutes }, t, point, colon, digits, beyond }) => {
      const unit = 10 ** (6 - digits);
      const wall = new Date(Math.floor(time / 1_000_000) * 1000).toISOString().slice(0, 19);
      const micros = Math.floor((time % 1_000_000) / unit) * unit;
      const fraction = String(micros).padStart(6, '0').slice(0, digits) + (digits === 6 ? beyond : '');
      const text = `${wall.replace('T', t)}${fraction && point}${fraction}${sign}${two(hours)}${colon}${two(minutes)}`;
      const seconds = Date.parse(`${wall}${sign}${two(hours)}:${two(minutes)}`);
      expect(parseTime(text, utc)).toBe(seconds * 1000 + micros);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['2025-11-12T10:15:01Z', '2025-11-12T10:15:01.000000Z'],
  ['2025-11-12t10:15:01z', '2025-11-12T10:15:01.000000Z'],
  ['2025-11-12T10:15Z', '2025-11-12T10:15:00.000000Z'],
  ['2025-11-12', '2025-11-12T00:00:00.000000Z'],
  ['2025-11-12T10:15:01+01', '2025-11-12T09:15:01.000000Z'],
  ['2025-11-12T10:15:01.1234569Z', '2025-11-12T10:15:01.123456Z'],
  ['2016-12-31T23:59:60Z', '2016-12-31T23:59:59.999000Z'],
  ['2016-12-31T23:59:60.5Z', '2016-12-31T23:59:59.999500Z'],
  ['2017-01-01T00:59:60+01:00', '2016-12-31T23:59:59.999000Z'],
  ['2025-11-12T24:00:00Z', '2025-11-13T00:00:00.000000Z'],
  ['20251112T101501Z', '2025-11-12T10:15:01.000000Z'],
  ['20251112T1015+0100', '2025-11-12T09:15:00.000000Z'],
  ['20251112T101501.5', '2025-11-12T10:15:01.500000Z'],
  ['2025-11-12 10:15:01 UTC', '2025-11-12T10:15:01.000000Z'],
  ['2025-11-12 10:15:01 +0000', '2025-11-12T10:15:01.000000Z'],
  ['2025-11-12T10:15:01 GMT', '2025-11-12T10:15:01.000000Z'],
  ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000000Z'],
  ['2000-01-01T00:30:00+01:00', '1999-12-31T23:30:00.000000Z'],
])('%s is %s', (text, expected) => {
  expect(formatTime(parseTime(text, utc)!)).toBe(expected);
});

test.each([
  '',
  'now',
  '1762942501',
  '2025-11-12T',
  '2025-11-12T10',
  '2025-11-12T24:00:00.1Z',
  '2025-11-12T24:01:00Z',
  '2025-11-12T25:00:00Z',
  '2025-12-31T23:59:60Z',
  '2016-12-31T12:34:60Z',
  '2016-12-31T23:59:60+01:00',
  '20251112',
  '20251112T1015:01Z',
  '20251112 101501Z',
  '2025-W46-3T10:15:01Z',
  '2025-316T10:15:01Z',
  '2025-11-12T10:15:01  UTC',
  '2025-11-12T10:60:00Z',
  '2025-11-12T10:15:61Z',
  '2025-11-12T10:15:01.Z',
  '2025-11-12T10:15:01+24:00',
  '2025-11-12T10:15:01+01:60',
  '2025-11-12Z',
  '2025-00-12T10:15:01Z',
  '2025-13-12T10:15:01Z',
  '2025-02-29T10:15:01Z',
  '2100-02-29T10:15:01Z',
  '2025-04-31T10:15:01Z',
  '2025-11-00T10:15:01Z',
  ' 2025-11-12T10:15:01Z',
  '2025-11-12T10:15:01Z\n',
  '12025-11-12T10:15:01Z',
  '٢٠٢٥-11-12T10:15:01Z',
])('%j is no time', text => {
  expect(parseTime(text, utc)).toBeUndefined();
});

test('the date is that of UTC, whichever was asked for before', () => {
  fc.assert(
    fc.property(fc.array(instant, { minLength: 1, maxLength: 5 }), times => {
      for (const time of times) expect(utcDate(time)).toBe(formatTime(time).slice(0, 10));
    }),
  );
});

describe.each([
  'Europe/Berlin',
  'America/New_York',
  'America/Sao_Paulo',
  'Australia/Lord_Howe',
  'Antarctica/Troll',
  'Africa/Casablanca',
  'Asia/Kathmandu',
  'Pacific/Apia',
  // Until 2011 its clocks changed at one minute past midnight.
  'America/St_Johns',
])('%s', name => {
  const transitions = transitionsOf(name);

  test('a wall time without an offset is the earlier of its instants, or moved forward by the gap', () => {
    const anywhere = instant.map(time => Math.floor(time / 1_000_000) * 1_000_000);
    const nearTransition = fc
      .tuple(
        fc.constantFrom(...(transitions.length > 0 ? transitions : [0])),
        fc.array(fc.integer({ min: -5400, max: 5400 }), { minLength: 1, maxLength: 4 }),
      )
      .map(([at, seconds]) => seconds.map(s => at + wallOffset(name, at - 1_000_000) + s * 1_000_000));
    const walls = fc.oneof(nearTransition, fc.array(anywhere, { maxLength: 3 }));
    fc.assert(
      fc.property(walls, list => {
        // One zone for several: the answer must not depend on what was asked before.
        const zone = zoneOf(name);
        for (const wall of list) {
          const text = formatTime(wall).slice(0, 19);
          expect(`${text} ${formatTime(parseTime(text, zone)!)}`).toBe(
            `${text} ${formatTime(instantOf(name, wall))}`,
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  test('every second around a change of the clocks, whichever was asked for before', () => {
    const around = [-3601, -3600, -1, 0, 1, 3599, 3600].map(seconds => seconds * 1_000_000);
    const walls = transitions.flatMap(at => around.map(s => at + wallOffset(name, at - 1_000_000) + s));
    for (const list of [walls, walls.toReversed()]) {
      const zone = zoneOf(name);
      const told = list.map(wall => formatTime(wall - zone.offsetAt(wall)));
      expect(told).toEqual(list.map(wall => formatTime(instantOf(name, wall))));
    }
  });
});

test('in the hour that occurs twice, the instant nearer to the arrival is meant', () => {
  const berlin = zoneOf('Europe/Berlin');
  const near = (text: string, arrival: string) =>
    formatTime(parseTime(text, berlin, parseTime(arrival, utc)!)!).slice(0, 19);
  expect(near('2025-10-26T02:30:00', '2025-10-26T00:30:01Z')).toBe('2025-10-26T00:30:00');
  expect(near('2025-10-26T02:30:00', '2025-10-26T01:30:01Z')).toBe('2025-10-26T01:30:00');
  expect(near('2025-10-26T02:59:59', '2025-10-26T02:00:01Z')).toBe('2025-10-26T01:59:59');
  // Neither before nor after it is there anything to choose, nor in the hour that is skipped in spring.
  expect(near('2025-10-26T03:30:00', '2025-10-26T00:00:00Z')).toBe('2025-10-26T02:30:00');
  expect(near('2025-10-26T01:30:00', '2025-10-27T00:00:00Z')).toBe('2025-10-25T23:30:00');
  expect(near('2025-03-30T02:30:00', '2025-03-30T00:00:00Z')).toBe('2025-03-30T01:30:00');
});

/** An independent answer: every offset of the days around is tried. */
function instantOf(name: string, wall: number): number {
  const around = [-DAY * 1.5, -DAY, -DAY / 2, 0, DAY / 2, DAY, DAY * 1.5].map(d =>
    wallOffset(name, wall + d),
  );
  const matches = around.map(o => wall - o).filter(t => wallOffset(name, t) === wall - t);
  // In a gap the offset before it holds.
  return matches.length > 0 ? Math.min(...matches) : wall - around[0]!;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** What the clocks there are ahead of UTC, in microseconds, at an instant. */
function wallOffset(name: string, time: number): number {
  let format = formats.get(name);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      timeZoneName: 'longOffset',
      year: 'numeric',
    });
    formats.set(name, format);
  }
  const text = format.formatToParts(time / 1000).find(part => part.type === 'timeZoneName')!.value;
  const [, sign, hours, minutes] = /^GMT(?:([+-])(\d\d):(\d\d))?$/.exec(text)!;
  return sign === undefined ? 0 : Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes)) * 60_000_000;
}

/** The instants (to the second) from 2005 to 2014 at which the clocks of a zone are changed. */
function transitionsOf(name: string): number[] {
  const found: number[] = [];
  for (let t = Date.UTC(2005, 0, 1) * 1000; t < Date.UTC(2015, 0, 1) * 1000; t += 5 * DAY) {
    let [low, high] = [t, t + 5 * DAY];
    if (wallOffset(name, low) === wallOffset(name, high)) continue;
    while (high - low > 1_000_000) {
      const middle = Math.floor((low + high) / 2_000_000) * 1_000_000;
      if (wallOffset(name, middle) === wallOffset(name, low)) low = middle;
      else high = middle;
    }
    found.push(high);
  }
  return found;
}
