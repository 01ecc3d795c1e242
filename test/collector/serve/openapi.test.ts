import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';
import { collecting, guarded } from './collecting.ts';

// biome-ignore lint/suspicious/noExplicitAny: what it looks like is what the test is about.
async function descriptionOf(http: string): Promise<any> {
  return (await fetch(`${http}/openapi.json`)).json();
}

test.each([
  ['without tokens', collecting],
  ['with tokens', guarded],
])('the description is valid OpenAPI 3.1, %s', async (_, start) => {
  await using running = await start();
  const description = await descriptionOf(running.http);
  const result = await new Validator().validate(description);
  expect(result.errors).toBeUndefined();
  expect(result.valid).toBe(true);
  expect(description.openapi).toBe('3.1.0');
});

test('every route says what it does, what it takes, and what its answers mean', async () => {
  await using running = await collecting();
  const { paths } = await descriptionOf(running.http);
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining([
      '/data',
      '/api/v1/readings',
      '/api/v1/sensors',
      '/api/v1/sensors/{id}/latest',
      '/api/v1/sensors/{id}/readings',
      '/api/v1/sensors/{id}/means',
      '/api/v1/quality',
    ]),
  );
  for (const [path, methods] of Object.entries<
    Record<string, { summary?: string; tags?: string[]; responses: object }>
  >(paths)) {
    for (const [method, { summary, tags, responses }] of Object.entries(methods)) {
      expect([method, path, summary]).toEqual([method, path, expect.stringMatching(/\w/)]);
      expect([method, path, tags]).toEqual([
        method,
        path,
        [expect.stringMatching(/^(?:ingest|read|watch)$/)],
      ]);
      const answers = Object.entries<{ description: string }>(responses as never);
      const unsaid = answers.filter(([, { description }]) => description === 'Default Response');
      expect([method, path, unsaid.map(([code]) => code)]).toEqual([method, path, []]);
    }
  }
  const { content } = paths['/api/v1/readings'].post.requestBody;
  expect(Object.keys(content)).toEqual(['application/json', 'application/x-ndjson']);
  expect(Object.keys(paths['/data'].post.requestBody.content)).toEqual(['text/plain']);
  expect(Object.keys(paths['/api/v1/sensors/{id}/readings'].get.responses['200'].content)).toEqual([
    'application/x-ndjson',
    'application/json',
    'text/csv',
  ]);
});

test('/docs is whole without any other server', async () => {
  await using running = await collecting();
  const page = await fetch(`${running.http}/docs`);
  expect(page.headers.get('content-type')).toContain('text/html');
  const html = await page.text();
  expect(html).toMatch(/<title>Sluice \d+\.\d+\.\d+: API<\/title>/);
  const loaded = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!);
  expect(loaded.length).toBeGreaterThan(3);
  for (const path of loaded) {
    const url = new URL(path, `${running.http}/docs`);
    expect(url.origin).toBe(running.http);
    expect([path, (await fetch(url)).status]).toEqual([path, 200]);
  }
  expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
});

test('what an answer carries besides its body is described: Retry-After, ETag and 304, Link', async () => {
  await using running = await collecting();
  const { paths } = await descriptionOf(running.http);
  const headersOf = (path: string, code: string) =>
    Object.keys(paths[path].get.responses[code]?.headers ?? {}).sort();
  for (const path of ['/api/v1/sensors', '/api/v1/quality']) {
    expect([path, headersOf(path, '200')]).toEqual([path, ['etag', 'link']]);
    expect([path, headersOf(path, '304')]).toEqual([path, ['etag']]);
  }
  expect(headersOf('/api/v1/sensors/{id}/latest', '200')).toEqual(['etag']);
  expect(headersOf('/api/v1/sensors/{id}/readings', '200')).toEqual(['link']);
  for (const path of Object.keys(paths).filter(path => paths[path].get?.responses['429'] !== undefined)) {
    expect([path, headersOf(path, '429'), headersOf(path, '503')]).toEqual([
      path,
      ['retry-after'],
      ['retry-after'],
    ]);
  }
});
