import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig, SettingsError } from '../../../base/config.ts';
import { readTokens } from '../../../base/http/access.ts';
import {
  collecting,
  guarded,
  INGEST_TOKEN,
  post,
  READ_TOKEN,
  readingAt,
} from '../../collector/serve/collecting.ts';
import { readyOf } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Asks with a Host of one's own, which fetch does not allow. */
function codeOf(
  http: string,
  headers: Record<string, string>,
  path = '/health',
  method = 'GET',
): Promise<number> {
  const { port } = new URL(http);
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method, headers }, response => {
      response.resume();
      resolve(response.statusCode!);
    })
      .on('error', reject)
      .end();
  });
}

test('with tokens: each right for itself, health for everybody', async () => {
  await using running = await guarded();
  const ingest = (headers: Record<string, string>) =>
    post(`${running.http}/api/v1/readings`, readingAt(0), undefined, headers);
  expect(await ingest({})).toMatchObject({ code: 401, body: { error: 'Unauthorized' } });
  expect((await ingest({})).headers.get('www-authenticate')).toBe('Bearer realm="sluice"');
  expect((await ingest(bearer('not a token at all'))).code).toBe(401);
  expect((await ingest(bearer(`${INGEST_TOKEN}x`))).code).toBe(401);
  expect((await ingest({ authorization: `Basic ${INGEST_TOKEN}` })).code).toBe(401);
  expect(await ingest(bearer(READ_TOKEN))).toMatchObject({
    code: 403,
    body: { message: 'This token has not the right to ingest.' },
  });
  expect(await running.recorded()).toBe(0);
  expect((await ingest(bearer(INGEST_TOKEN))).code).toBe(202);

  const read = async (headers: Record<string, string>) =>
    (await fetch(`${running.http}/api/v1/sensors`, { headers })).status;
  expect(await read({})).toBe(401);
  expect(await read(bearer(INGEST_TOKEN))).toBe(403);
  // There is no database to read.
  expect(await read(bearer(READ_TOKEN))).toBe(503);
  for (const path of ['/health', '/docs', '/openapi.json']) {
    expect((await fetch(`${running.http}${path}`)).status).toBe(200);
  }
});

test('with tokens: every route but those is behind one', async () => {
  await using running = await guarded();
  const { paths } = (await (await fetch(`${running.http}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { security?: unknown[] }>>;
  };
  const open = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { security }]) => security === undefined)
      .map(([method]) => `${method} ${path}`),
  );
  expect(open.sort()).toEqual(['get /health', 'get /health/ready', 'get /ready']);
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, { security }] of Object.entries(methods)) {
      if (security === undefined) continue;
      const asked = await codeOf(running.http, {}, path.replaceAll(/\{\w+\}/g, 'x'), method.toUpperCase());
      expect([method, path, asked]).toEqual([method, path, 401]);
    }
  }
});

test('/ready tells details to those who may read', async () => {
  await using running = await guarded();
  expect(await readyOf(running.http)).toEqual({ code: 200, body: { status: 'degraded' } });
  const response = await fetch(`${running.http}/ready`, { headers: bearer(READ_TOKEN) });
  expect(await response.json()).toMatchObject({ broker: { connected: false }, recording: { ok: true } });
});

test('without tokens: nothing for pages of other sites, nor for names that are not ours', async () => {
  await using running = await collecting();
  const { host } = new URL(running.http);
  const { port } = new URL(running.http);
  expect(await codeOf(running.http, {})).toBe(200);
  expect(await codeOf(running.http, { host: `localhost:${port}` })).toBe(200);
  expect(await codeOf(running.http, { host: `[::1]:${port}` })).toBe(200);
  for (const name of [
    'evil.example',
    `evil.example:${port}`,
    'localhost.evil.example',
    '127.0.0.1.evil.example',
  ]) {
    expect(await codeOf(running.http, { host: name })).toBe(403);
  }
  expect(await codeOf(running.http, { origin: `http://${host}` })).toBe(200);
  for (const origin of ['http://evil.example', 'null', `http://localhost:1`]) {
    expect(await codeOf(running.http, { origin })).toBe(403);
    expect((await post(`${running.http}/data`, '1649941817 a 1', 'text/plain', { origin })).code).toBe(403);
  }
  expect(await running.recorded()).toBe(0);
});

test('tokens are counted apart by the rate limit', async () => {
  await using running = await guarded({ HTTP_RATE_LIMIT: '2' });
  const ask = async (token?: string) =>
    (await fetch(`${running.http}/api/v1/sensors`, { headers: token ? bearer(token) : {} })).status;
  expect([await ask(), await ask(), await ask()]).toEqual([401, 401, 429]);
  expect([await ask(INGEST_TOKEN), await ask(READ_TOKEN)]).toEqual([403, 503]);
});

test('another address than loopback needs tokens', () => {
  for (const host of ['0.0.0.0', '::', '192.168.1.5', 'sluice.example']) {
    expect(() => readConfig({ HTTP_HOST: host })).toThrow(SettingsError);
    expect(() => readConfig({ HTTP_HOST: host })).toThrow('HTTP_TOKENS_FILE');
    expect(readConfig({ HTTP_HOST: host, HTTP_TOKENS_FILE: 'tokens' }).HTTP_HOST).toBe(host);
  }
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) readConfig({ HTTP_HOST: host });
});

test('a tokens file with mistakes: all of them are told, and no token', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'tokens');
  const good = 'a-token-of-good-length';
  await writeFile(
    path,
    `${good} read\nshort read\n${good}2 write\n${good}3\n${good} ingest\n${good}4 read ingest\n`,
  );
  const error = await readTokens(path).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(SettingsError);
  expect((error as SettingsError).problems).toEqual([
    'HTTP_TOKENS_FILE, line 2: a token must have at least 16 printable ASCII characters',
    expect.stringContaining('line 3: after the token must stand its rights'),
    expect.stringContaining('line 4: after the token must stand its rights'),
    'HTTP_TOKENS_FILE, line 5: the token stands there twice',
    expect.stringContaining('line 6: after the token must stand its rights'),
  ]);
  expect((error as SettingsError).message).not.toContain(good);
  await writeFile(path, '# nothing\n');
  await expect(readTokens(path)).rejects.toThrow('HTTP_TOKENS_FILE has no token');
  await expect(readTokens(join(folder.path, 'none'))).rejects.toThrow(
    'HTTP_TOKENS_FILE must name a readable file',
  );
  await expect(collecting({ HTTP_TOKENS_FILE: path })).rejects.toThrow(SettingsError);
});
