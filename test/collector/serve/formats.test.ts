import { expect, test } from 'vitest';
import { formatRows, type RowType, rowTypeFor } from '../../../collector/serve/formats.ts';

async function textOf(batches: object[][], type: RowType): Promise<string> {
  const source = (async function* () {
    yield* batches as Record<string, unknown>[][];
  })();
  let text = '';
  for await (const chunk of formatRows(source, type, ['a', 'b'])) text += chunk;
  return text;
}

const batches = [
  [
    { a: 1, b: 'x,"y"' },
    { a: 2, b: null },
  ],
  [{ a: 3, b: true }],
];

test('NDJSON: a line each', async () => {
  expect(await textOf(batches, 'application/x-ndjson')).toBe(
    '{"a":1,"b":"x,\\"y\\""}\n{"a":2,"b":null}\n{"a":3,"b":true}\n',
  );
  expect(await textOf([], 'application/x-ndjson')).toBe('');
});

test('JSON: an array, whatever the batches', async () => {
  expect(JSON.parse(await textOf(batches, 'application/json'))).toEqual(batches.flat());
  expect(JSON.parse(await textOf([], 'application/json'))).toEqual([]);
});

test('CSV: a header, also when nothing follows', async () => {
  expect(await textOf(batches, 'text/csv')).toBe('a,b\n1,"x,""y"""\n2,\n3,true\n');
  expect(await textOf([], 'text/csv')).toBe('a,b\n');
});

test.each([
  [undefined, 'application/json'],
  ['*/*', 'application/json'],
  ['', 'application/json'],
  ['text/csv', 'text/csv'],
  ['text/*', 'text/csv'],
  ['application/*', 'application/json'],
  ['application/x-ndjson, */*', 'application/x-ndjson'],
  ['application/ndjson', 'application/x-ndjson'],
  ['text/csv;q=0.5, application/x-ndjson; q=0.6', 'application/x-ndjson'],
  ['text/html, application/xhtml+xml, */*;q=0.8', 'application/json'],
] as const)('Accept: %s is answered as %s', (accept, type) => {
  expect(rowTypeFor(accept, 'application/json')).toBe(type);
});

test.each(['text/html', 'text/csv;q=0', 'nonsense'])('Accept: %s is refused', accept => {
  expect(() => rowTypeFor(accept, 'application/json')).toThrow(expect.objectContaining({ statusCode: 406 }));
});
