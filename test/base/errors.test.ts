import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { errorText } from '../../base/errors.ts';
import { freePort } from '../harness/server.ts';

test('a request that reaches nobody says whom it did not reach, and why', async () => {
  const port = await freePort();
  const failure = await fetch(`http://127.0.0.1:${port}/`).catch(error => error);
  expect(errorText(failure)).toBe(`connect ECONNREFUSED 127.0.0.1:${port}`);
  const name = await fetch(`http://localhost:${port}/`).catch(error => error);
  expect(errorText(name)).toMatch(new RegExp(`connect ECONNREFUSED 127\\.0\\.0\\.1:${port}`));
});

test('a connection that is cut says so', async () => {
  const server = createServer(socket => socket.destroy());
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const failure = await fetch(`http://127.0.0.1:${port}/`).catch(error => error);
  server.close();
  expect(errorText(failure)).toMatch(/other side closed|ECONNRESET/);
});

test.each([
  [new Error('it broke'), 'it broke'],
  [Object.assign(new Error(''), { code: 'EPIPE' }), 'EPIPE'],
  [new AggregateError([new Error('a'), new Error('b'), new Error('a')], ''), 'a; b'],
  [new Error('Error', { cause: new Error('the cause') }), 'the cause'],
  [new Error('it broke', { cause: new Error('the cause') }), 'it broke'],
  ['words', 'words'],
])('%s', (error, text) => {
  expect(errorText(error)).toBe(text);
});
