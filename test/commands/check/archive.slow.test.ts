import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkArchive } from '../../../commands/check/archive.ts';
import { HttpProxy } from '../../harness/http-proxy.ts';
import { configFor } from '../../harness/pipeline.ts';
import { type SeaweedFs, startSeaweedFs, withoutSeaweedFs } from '../../harness/seaweedfs.ts';

describe.skipIf(withoutSeaweedFs)('sluice check, of an archive', () => {
  let server: SeaweedFs;
  beforeAll(async () => {
    server = await startSeaweedFs();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  const check = async (more: Record<string, string> = {}) => {
    const settings = { ...(await server.settings()), ...more };
    return (await checkArchive(configFor(settings), settings.ARCHIVE_URL)).all;
  };

  test('one that works', async () => {
    expect((await check()).map(({ result, what }) => `${result}: ${what}`)).toEqual([
      expect.stringMatching(/^ok: s3:\/\/bucket-\d+\/sluice\/ can be listed$/),
      'ok: takes objects, and checks their SHA-256',
      'ok: says the SHA-256 of what it holds',
      'ok: refuses to write over an object that is there',
    ]);
  });

  test.each([
    [{ ARCHIVE_URL: 's3://not-there' }, /404 NoSuchBucket.*Make the bucket/],
    [{ ARCHIVE_SECRET_ACCESS_KEY: 'another' }, /403 SignatureDoesNotMatch.*Renew the credentials/],
    [{ ARCHIVE_ENDPOINT: 'http://127.0.0.1:1' }, /ECONNREFUSED/],
  ])('%o', async (more, said) => {
    const [finding] = await check(more);
    expect(finding).toMatchObject({ of: 'archive', result: 'failed', what: expect.stringMatching(said) });
  });

  test('one that is only to be read', async () => {
    await using proxy = await HttpProxy.start(server.port);
    proxy.fate = ({ method }) => (method === 'PUT' ? 'expired' : 'pass');
    const findings = await check({ ARCHIVE_ENDPOINT: proxy.url });
    expect(findings.map(({ result }) => result)).toEqual(['ok', 'failed']);
  });
});
