import { expect, test } from 'vitest';
import { parseTime, utc } from '../../../../base/time.ts';
import { decoding } from '../decoding.ts';

const decode = decoding('topics: [{filter: "#", format: senml}]');
const later = parseTime('2025-11-12T10:15:00Z', utc)!;

// The examples of RFC 8428, section 5.1.
test('one record, with nothing but a name, a unit and a value (5.1.1)', () => {
  expect(decode('x', [{ n: 'urn:dev:ow:10e2073a01080063', u: 'Cel', v: 23.1 }])).toEqual([
    'urn:dev:ow:10e2073a01080063 23.1 Cel now',
  ]);
});

test('several records of one device at one time (5.1.2)', () => {
  const pack = [
    { bn: 'urn:dev:ow:10e2073a01080063:', n: 'voltage', u: 'V', v: 120.1 },
    { n: 'current', u: 'A', v: 1.2 },
  ];
  expect(decode('x', pack)).toEqual([
    'urn:dev:ow:10e2073a01080063:voltage 120.1 V now',
    'urn:dev:ow:10e2073a01080063:current 1.2 A now',
  ]);
});

test('base time, base unit, and times before it (5.1.2)', () => {
  const pack = [
    {
      bn: 'urn:dev:ow:10e2073a0108006:',
      bt: 1.276020076001e9,
      bu: 'A',
      bver: 5,
      n: 'voltage',
      u: 'V',
      v: 120.1,
    },
    { n: 'current', t: -5, v: 1.2 },
    { n: 'current', t: -4, v: 1.3 },
  ];
  expect(decode('x', pack)).toEqual([
    'urn:dev:ow:10e2073a0108006:voltage 120.1 V 2010-06-08T18:01:16.001000Z',
    'urn:dev:ow:10e2073a0108006:current 1.2 A 2010-06-08T18:01:11.001000Z',
    'urn:dev:ow:10e2073a0108006:current 1.3 A 2010-06-08T18:01:12.001000Z',
  ]);
});

test('times relative to now (4.5.3), a base value, a sum, states', () => {
  expect(
    decode('x', [{ bn: 'a', n: '1', v: 1, t: -60 }, { bv: 20, n: '2', v: 1.5 }, { n: '3' }], later),
  ).toEqual(['a1 1 2025-11-12T10:14:00Z', 'a2 21.5 now', 'a3 20 now']);
  expect(decode('x', [{ n: 'e', u: 'W', v: 5, s: 100 }])).toEqual(['e 5 W now', 'e/sum 100 W now']);
  expect(
    decode('x', [
      { n: 'door', vb: true },
      { n: 'label', vs: 'Machine' },
    ]),
  ).toEqual([]);
  const mapped = decoding('topics: [{filter: "#", format: senml, map: {"true": 1, "false": 0}}]');
  expect(mapped('x', [{ n: 'door', vb: true }])).toEqual(['door 1 now']);
});

test('records of one name at no time follow one another', () => {
  expect(
    decode('x', [
      { n: 'a', v: 1 },
      { n: 'a', v: 2 },
    ]),
  ).toEqual(['a 1 now', 'a 2 2025-11-12T10:15:01.000002Z']);
});

test.each([
  ['{"n": "a", "v": 1}', 'not an array of SenML records'],
  ['[1]', 'a SenML record is not an object'],
  ['[{"bver": 11, "n": "a", "v": 1}]', 'SenML of a newer version than 10'],
  ['[{"n": "a", "v": 1, "must_": 2}]', 'a SenML label that must be understood is not'],
  ['[{"v": 1}]', 'id is not 1 to 200 characters long'],
  ['[', 'not JSON'],
])('%s: %s', (payload, reason) => {
  expect(decode('x', payload)).toBe(reason);
});
