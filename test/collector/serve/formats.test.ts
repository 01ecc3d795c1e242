import accepts from '@fastify/accepts';
import Fastify, { type FastifyRequest } from 'fastify';
import { expect, test } from 'vitest';
import { answerError } from '../../../base/http/problem.ts';
import { formatRows, isCsvSafe, type RowType, rowTypeFor } from '../../../collector/serve/formats.ts';
import { silent } from '../../harness/pipeline.ts';

async function textOf(batches: object[][], type: RowType, safe = false): Promise<string> {
  const source = (async function* () {
    yield* batches as Record<string, unknown>[][];
  })();
  let text = '';
  for await (const chunk of formatRows(source, type, { columns: ['a', 'b'], safe })) text += chunk;
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

test('CSV that is safe: no cell of text begins like a formula, and numbers are numbers', async () => {
  const rows = [['=1+1', '+1', '-1', '@x', '\tx', 'a=1'].map(a => ({ a, b: -1.5 }))];
  expect(await textOf(rows, 'text/csv', true)).toBe(
    `a,b\n'=1+1,-1.5\n'+1,-1.5\n'-1,-1.5\n'@x,-1.5\n'\tx,-1.5\na=1,-1.5\n`,
  );
  expect(await textOf(rows, 'text/csv')).toContain('\n=1+1,-1.5\n');
});

/** What a request with these headers would be answered as. */
async function answer(headers: Record<string, string>, decide: (request: FastifyRequest) => unknown) {
  const app = Fastify();
  app.setErrorHandler(answerError(silent));
  app.register(accepts);
  app.get('/', request => ({ decided: decide(request) }));
  const response = await app.inject({ url: '/', headers });
  return { code: response.statusCode, decided: response.json().decided };
}

const jsonFor = (request: FastifyRequest) => rowTypeFor(request, 'application/json');

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
])('Accept: %s is answered as %s', async (accept, type) => {
  const headers = accept === undefined ? {} : { accept };
  expect(await answer(headers, jsonFor)).toEqual({ code: 200, decided: type });
});

test.each(['text/html', 'text/csv;q=0', 'nonsense'])('Accept: %s is refused', async accept => {
  expect((await answer({ accept }, jsonFor)).code).toBe(406);
});

test('CSV is safe for browsers and as it is for programs, unless the request says otherwise', async () => {
  const browser = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0' };
  const program = { 'user-agent': 'curl/8.5.0' };
  for (const [headers, wanted, safe] of [
    [browser, undefined, true],
    [program, undefined, false],
    [browser, 'plain', false],
    [program, 'safe', true],
  ] as const) {
    expect((await answer(headers, request => isCsvSafe(request, wanted))).decided).toBe(safe);
  }
});
