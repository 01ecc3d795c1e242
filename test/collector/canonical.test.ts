import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalHead, canonicalLine } from '../../collector/canonical.ts';
import { decodeReading, numberOf } from '../../collector/message.ts';
import { formatTime, parseTime, utcDate, zoneOf } from '../../collector/time.ts';

const utc = zoneOf('UTC');

/** Payloads that look much like the common form, and now and then are not quite. */
const nearlyCanonical = fc
  .record({
    id: fc.oneof(
      { weight: 4, arbitrary: fc.stringMatching(/^[ -~]{1,50}$/) },
      fc.constantFrom('Sensor 1', 'a"b', 'a\\b', 'ä', '', 'x'.repeat(50), 'x'.repeat(51), '\u007f', '\t'),
      fc.string({ minLength: 1, maxLength: 52 }),
    ),
    dt: fc.oneof(
      fc.constantFrom(
        '2025-02-30T00:00:00Z',
        '2025-11-12T24:00:00Z',
        '1999-12-31T23:59:59Z',
        '2199-12-31T23:59:59.999999Z',
      ),
      fc.constantFrom(
        '2025-11-12T10:15:01',
        '2025-11-12 10:15:01Z',
        '2025-11-12T10:15:01+01:00',
        '2025-11-12T10:15:01.1234567Z',
      ),
      fc
        .date({ min: new Date('1990-01-01'), max: new Date('2300-01-01'), noInvalidDate: true })
        .map(date => date.toISOString()),
    ),
    value: fc.oneof(
      { weight: 4, arbitrary: fc.integer().map(n => String(n / 100)) },
      fc.constantFrom(
        '1e400',
        '-0',
        '01',
        '1.',
        '.5',
        '"1"',
        'null',
        '123456789012345678',
        '0.1234567890123456',
      ),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
      fc.integer().map(String),
    ),
    space: fc.constantFrom('', ' ', ' ', '  '),
    tail: fc.constantFrom('}', '}', '}', ',"x":1}', '} ', ''),
  })
  .map(
    ({ id, dt, value, space, tail }) =>
      `{"id":${space}${JSON.stringify(id)},${space}"dt":${space}"${dt}",${space}"value":${space}${value}${tail}`,
  );

describe('the common form of a message', () => {
  it('means the same as decoding it', () => {
    let recognised = 0;
    fc.assert(
      fc.property(nearlyCanonical, text => {
        const match = canonicalLine(`${text}\n`, 0);
        const head = canonicalHead(Buffer.from(text));
        const reading = decodeReading(text, utc);
        if (match === null) return;
        recognised++;
        const [all, id, dt, value] = match as unknown as [string, string, string, string];
        expect(all).toBe(`${text}\n`);
        // The day of the month is PostgreSQL's to refuse; everything else must decode.
        if (reading === 'dt is not an ISO 8601 date and time') {
          expect(parseTime(dt, utc)).toBeUndefined();
          return;
        }
        if (typeof reading === 'string') throw new Error(`${text} is recognised, but ${reading}`);
        expect(id).toBe(reading.sensorId);
        expect(formatTime(parseTime(dt, utc)!)).toBe(formatTime(reading.time));
        expect(Number(value)).toBe(numberOf(reading.value));
        expect(head).toBe(text.slice(0, text.indexOf(utcDate(reading.time)) + 10));
      }),
      { numRuns: 3000 },
    );
    expect(recognised).toBeGreaterThan(100);
  });

  it('leaves every other payload to the decoder', () => {
    for (const text of [
      '{"id":"ä","dt":"2025-11-12T10:15:01Z","value":1}',
      '{"dt":"2025-11-12T10:15:01Z","id":"a","value":1}',
      '[]',
      '',
    ]) {
      expect(canonicalHead(Buffer.from(text))).toBeUndefined();
    }
  });
});
