import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const runtime = new URL('../../base/runtime.ts', import.meta.url).href;

/** Runs a program that has set up its runtime. @returns what it prints, as JSON. */
async function run(program: string): Promise<unknown> {
  const whole = `import { setUpRuntime } from ${JSON.stringify(runtime)}; setUpRuntime(); ${program}`;
  const { UV_THREADPOOL_SIZE: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', whole], {
    env,
  });
  return JSON.parse(stdout);
}

test.skipIf(process.platform !== 'linux')('files are written and synced by 16 threads', async () => {
  const threads = await run(`
    const { readdir, readFile } = await import('node:fs/promises');
    const names = (await readdir('/proc/self/task')).map(task => readFile('/proc/self/task/' + task + '/comm', 'utf8'));
    console.log((await Promise.all(names)).filter(name => name.startsWith('libuv-worker')).length);
  `);
  expect(threads).toBe(16);
});

/** Lets much survive for a while. Its result is how large the young generation was at most, in MB. */
const fill = `
  let most = 0;
  for (let i = 0, kept = []; i < 1e6; i++) {
    kept.push({ i, text: 'x' + i });
    if (kept.length > 2e5) kept = [];
    if (i % 1e4 > 0) continue;
    const spaces = process.getBuiltinModule('node:v8').getHeapSpaceStatistics();
    most = Math.max(most, spaces.find(({ space_name }) => space_name === 'new_space').space_size / 1e6);
  }`;

test('the young generation of the main thread is large enough, whatever is imported', async () => {
  const bytes = await run(`
    const spaces = process.getBuiltinModule('node:v8').getHeapSpaceStatistics();
    console.log(spaces.find(({ space_name }) => space_name === 'new_space').space_size);`);
  expect(bytes).toBe(8 * 1024 * 1024);
});

// V8 would let either grow to 67; where the machine is busy it is larger for moments.
test('the young generation of the main thread does not grow', async () => {
  expect(await run(`${fill} console.log(most);`)).toBeLessThan(32);
});

test('that of another thread neither', async () => {
  const inThread = `${fill} process.getBuiltinModule('node:worker_threads').parentPort.postMessage(most);`;
  const most = await run(`
    const { Worker } = await import('node:worker_threads');
    new Worker(${JSON.stringify(inThread)}, { eval: true }).on('message', most => console.log(most));
  `);
  expect(most).toBeLessThan(32);
});
