import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decoding } from '../decoding.ts';

const number = (entry = '') =>
  decoding(`topics:\n  - filter: "t/{device}/{field}"\n    format: number\n    ${entry}`);

test.each([
  ['21.38', 21.38],
  [' -5 \n', -5],
  ['+.5', 0.5],
  ['5.', 5],
  ['1e3', 1000],
  ['\ufeff7\0', 7],
])('%j is %d', (payload, value) => {
  expect(number()('t/a/b', payload)).toEqual([`t/a/b ${value} now`]);
});

test.each([
  ['nan', 'not a number: nan'],
  ['Unavailable', 'not a number: unavailable'],
  ['unknown', 'not a number: unknown'],
  ['21.5 °C', 'not a number'],
  ['0x10', 'not a number'],
  ['1,5', 'not a number'],
  ['{"a": 1}', 'not a number'],
  ['1'.repeat(1000), 'not a number'],
  [Buffer.from([0xc3]), 'not UTF-8'],
  ['', []],
])('%j: %s', (payload, expected) => {
  expect(number()('t/a/b', payload)).toEqual(expected);
});

test('ids come from the topic; states from a map; units from the entry, or behind the number', () => {
  expect(number('sensor: "{field} of {device}"')('t/a/b', '1')).toEqual(['b of a 1 now']);
  expect(number('map: { ON: 1, OFF: 0 }')('t/a/b', 'OFF')).toEqual(['t/a/b 0 now']);
  expect(number('scale: 0.01\n    offset: 1')('t/a/b', '213')).toEqual(['t/a/b 3.13 now']);
  expect(number('unit_suffix: true')('t/a/b', '21.5 °C')).toEqual(['t/a/b 21.5 °C now']);
  expect(number('unit_suffix: true')('t/a/b', '21.5')).toEqual(['t/a/b 21.5 now']);
  expect(number('unit_suffix: true\n    unit: K')('t/a/b', '21.5°C')).toEqual(['t/a/b 21.5 K now']);
});

test('with skip_text, texts hold no readings', () => {
  const decode = number('skip_text: true\n    map: { open: 1 }');
  for (const text of ['unavailable', 'nan', 'cloudy', '{"a": 1}']) expect(decode('t/a/b', text)).toEqual([]);
  expect(decode('t/a/b', 'open')).toEqual(['t/a/b 1 now']);
  expect(decode('t/a/b', '21.5')).toEqual(['t/a/b 21.5 now']);
  expect(decode('t/a/b', Buffer.from([0xc3]))).toBe('not UTF-8');
});

test('what is 1e400 is a number for the loader to refuse', () => {
  expect(number()('t/a/b', '1e400')).toEqual(['t/a/b Infinity now']);
});

test('every double comes back from its text', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), value => {
      expect(number()('t/a/b', String(value))).toEqual([`t/a/b ${value} now`]);
    }),
    { numRuns: 30 },
  );
});
