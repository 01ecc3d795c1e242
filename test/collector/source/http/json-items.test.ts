import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Item, jsonItems, ndjsonItems } from '../../../../collector/source/http/json-items.ts';

const texts = (items: Iterable<Item>) => [...items].map(({ item, payload }) => [item, payload.toString()]);
const cut = (body: string) => texts(jsonItems(Buffer.from(body)));

test('elements of an array are cut out byte for byte', () => {
  expect(cut('[ {"a": 1.0, "b": "],{\\""} ,\n[1,[2]],3 ]\n')).toEqual([
    [1, '{"a": 1.0, "b": "],{\\""}'],
    [2, '[1,[2]]'],
    [3, '3'],
  ]);
});

test('what is no array is one item; an empty array and an empty body are none', () => {
  expect(cut(' {"a": [1, 2]}\n')).toEqual([[1, '{"a": [1, 2]}']]);
  expect(cut('[ ]')).toEqual([]);
  expect(cut('  ')).toEqual([]);
});

test.each(['[', '[1', '[1,', '[1,]', '[,1]', '[1]]', '[1] 2', '[] 1', '["a]', '[{]', '[1,,2]'])(
  '%s is no JSON',
  body => {
    expect(() => cut(body)).toThrow(SyntaxError);
  },
);

test('an array is what JSON.parse says, whatever spaces are in it; other text is refused, or so is an item', () => {
  const spaced = fc.constantFrom(undefined, 1, '\t');
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), spaced, (values, space) => {
      const items = [...jsonItems(Buffer.from(JSON.stringify(values, undefined, space)))];
      expect(items.map(({ payload }) => JSON.parse(payload.toString()))).toEqual(
        JSON.parse(JSON.stringify(values)),
      );
      expect(items.map(({ item }) => item)).toEqual(values.map((_, index) => index + 1));
    }),
  );
  const piece = fc.constantFrom('[', ']', '{', '}', ',', ':', '"', '\\', '1', '"a"', 'null', ' ', '\n');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), pieces => {
      const text = `[${pieces.join('')}`;
      const parts = attempt(() =>
        [...jsonItems(Buffer.from(text))].map(({ payload }) => JSON.parse(payload.toString())),
      );
      expect(parts).toEqual(attempt(() => JSON.parse(text)));
    }),
    { numRuns: 3000 },
  );
});

function attempt<T>(parse: () => T): T | 'refused' {
  try {
    return parse();
  } catch (error) {
    expect(error).toBeInstanceOf(SyntaxError);
    return 'refused';
  }
}

test('lines of NDJSON: CRLF, spaces and empty lines do not matter, and lines are counted', () => {
  expect(texts(ndjsonItems(Buffer.from('{"a":1}\r\n\n  {"b":2} \n{"c":3}')))).toEqual([
    [1, '{"a":1}'],
    [3, '{"b":2}'],
    [4, '{"c":3}'],
  ]);
});

test('an element that is too large for a reading is not gone through to its end', () => {
  for (const filling of ['x'.repeat(300_000), '\\"'.repeat(200_000), '[],'.repeat(100_000)]) {
    for (const body of [`[{"a": "${filling}`, `[{"a": "${filling}"}]`, `[[${filling}1]]`]) {
      expect(() => [...jsonItems(Buffer.from(body))]).toThrow(/is larger than 262144 bytes/);
    }
  }
});
