import { expect, test } from 'vitest';
import { sluice } from './verify/pipeline.ts';

/** Makes Node say on standard error which modules it loads. */
const tellLoads = `data:text/javascript,${encodeURIComponent(
  "import { registerHooks } from 'node:module';" +
    "registerHooks({ load: (url, context, next) => (process._rawDebug('loads ' + url), next(url, context)) });",
)}`;

test.each(['collect', 'up', 'generate'])('sluice %s loads no other command', async name => {
  const { code, stderr } = await sluice([name], { HTTP_PORT: 'none' }, ['--import', tellLoads]);
  expect(code).toBe(2);
  const loaded = [...stderr.matchAll(/^loads file:.*\/commands\/(\w+)\/.*$/gm)].map(match => match[1]);
  expect([...new Set(loaded)]).toEqual([name]);
  // Settings are judged before anything heavy is there.
  expect(stderr).not.toMatch(/^loads .*\/node_modules\/(?:mqtt|pg|fastify|aedes)\//m);
});

test('without a command none is loaded, and help names all of them', async () => {
  const { code, stdout, stderr } = await sluice(['--help'], {}, ['--import', tellLoads]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ {2}verify .*[a-z]{3}/m);
  expect(stderr).not.toMatch(/^loads file:.*\/commands\/\w+\//m);
});

test('help of a command has its options, however it is asked for', async () => {
  for (const args of [
    ['help', 'verify'],
    ['verify', '--help'],
  ]) {
    const { code, stdout } = await sluice(args, {});
    expect(code).toBe(0);
    expect(stdout).toContain('--sensor');
  }
});
