import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseTime, zoneOf } from '../../../base/time.ts';
import {
  canonicalHead,
  canonicalHourHead,
  canonicalLine,
  canonicalSecond,
  secondOfDay,
} from '../../../collector/payload/canonical.ts';
import { decodeReading } from '../../harness/plain-messages.ts';

const berlin = zoneOf('Europe/Berlin');

/** Payloads of the common form, and such as come near it: each part is usual, mostly. */
const mostly = <Usual, Odd>(usual: fc.Arbitrary<Usual>, odd: fc.Arbitrary<Odd>) =>
  fc.oneof<fc.MaybeWeightedArbitrary<Usual | Odd>[]>(
    { weight: 9, arbitrary: usual },
    { weight: 1, arbitrary: odd },
  );
const digits = (from: number, to: number) =>
  fc.integer({ min: from, max: to }).map(n => String(n).padStart(2, '0'));
const nearly = fc
  .record({
    space: mostly(fc.constantFrom(' ', ''), fc.constantFrom('  ', '\t')),
    id: mostly(
      fc.string({ unit: fc.constantFrom(..."aZ1 _/.~[]!#$&'()"), minLength: 1, maxLength: 50 }),
      fc.string({ unit: fc.constantFrom('a', '\\\\', '\\u0041', '"', 'é', '\u007f', '\t'), maxLength: 52 }),
    ),
    date: mostly(
      fc.tuple(fc.constantFrom('2000', '2025', '2024', '2199'), digits(1, 12), digits(1, 31)),
      fc.tuple(fc.constantFrom('1999', '2200', '25'), digits(0, 13), digits(0, 32)),
    ),
    time: mostly(
      fc.tuple(digits(0, 23), digits(0, 59), digits(0, 59)),
      fc.tuple(digits(23, 24), digits(59, 60), digits(59, 61)),
    ),
    fraction: mostly(fc.constantFrom('', '.0', '.000', '.123456'), fc.constantFrom('.', '.1234567', ',5')),
    zone: mostly(fc.constant('Z'), fc.constantFrom('z', '', '+01:00')),
    value: mostly(
      fc.stringMatching(/^-?(0|[1-9]\d{0,14})(\.\d{1,15})?$/),
      fc.constantFrom('-0', '01', '1e5', '.5', '"1"', 'null', 'NaN', '+1', '1234567890123456', '1.'),
    ),
    end: mostly(fc.constant('}'), fc.constantFrom(',"x":1}', '} ', '', '}\r')),
  })
  .map(
    ({ space, id, date, time, fraction, zone, value, end }) =>
      `{"id":${space}"${id}",${space}"dt":${space}"${date.join('-')}T${time.join(':')}${fraction}${zone}",${space}"value":${space}${value}${end}`,
  );

test('what is of the common form means the same as when it is decoded', () => {
  let canonical = 0;
  fc.assert(
    fc.property(nearly, text => {
      const match = canonicalLine(`${text}\n`, 0);
      expect(canonicalHead(Buffer.from(text)) === undefined, 'both know the same form').toBe(match === null);
      const hourHead = canonicalHourHead(Buffer.from(text));
      if (match === null) {
        expect(hourHead).toBeUndefined();
        return;
      }
      canonical++;
      const [all, id, dt, value] = match as unknown as string[];
      expect(all).toBe(`${text}\n`);
      // JSON, an object, an id and a value that can be stored: only a month may lack the day.
      expect(JSON.parse(text)).toEqual({ id, dt, value: Number(value) });
      const decoded = decodeReading(text, berlin);
      const time = parseTime(dt!, berlin);
      if (time === undefined) expect(decoded).toBe('dt is not an ISO 8601 date and time');
      else {
        expect(decoded).toEqual({ sensorId: id, time, value: Number(value) });
        const second = Math.floor(time / 1e6);
        expect(canonicalSecond(dt!)).toBe(second);
        const at = canonicalHead(Buffer.from(text))!.length + 1;
        expect(secondOfDay(Buffer.from(text), at)).toBe(second % 86_400);
        expect(hourHead).toBe(text.slice(0, at + 2));
      }
    }),
    { numRuns: 3000 },
  );
  expect(canonical).toBeGreaterThan(500);
});

test('the message of the generator and its compact form are of the common form', () => {
  const text = '{"id": "Sensor 1", "dt": "2025-11-12T10:15:01.000Z", "value": 25}';
  const compact = JSON.stringify(JSON.parse(text));
  expect(canonicalHead(Buffer.from(text))).toBe('{"id": "Sensor 1", "dt": "2025-11-12');
  expect(canonicalHead(Buffer.from(compact))).toBe('{"id":"Sensor 1","dt":"2025-11-12');
  const lines = `${text}\n${compact}\n`;
  expect(canonicalLine(lines, text.length + 1)?.[0]).toBe(`${compact}\n`);
  expect(canonicalLine(lines, 1)).toBeNull();
});
