import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { eventually } from './eventually.ts';
import { Program } from './program.ts';

const MODULE = fileURLToPath(new URL('./program.ts', import.meta.url));
/** Starts a server that is deaf to SIGTERM, with a child of its own, and prints their pids. */
const STARTS = `
  const { Program } = await import(process.argv[1]);
  const server = await Program.start('server', 'sh', ['-c', 'trap "" TERM; sleep 1000 & echo $$ $!; wait'], { env: process.env });
  console.log(await server.nextLine());
  setInterval(() => {}, 1000);`;

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test('what a killed process had started ends with it', async () => {
  const parent = execFile(process.execPath, ['--input-type=module', '-e', STARTS, MODULE]);
  const [line] = await once(parent.stdout!.setEncoding('utf8'), 'data');
  const pids = String(line).trim().split(' ').map(Number);
  expect(pids.map(isAlive)).toEqual([true, true]);
  parent.kill('SIGKILL');
  await eventually(async () => expect(pids.map(isAlive)).toEqual([false, false]));
});

test('it has the pid, the status and the streams of the program', async () => {
  await using program = await Program.start('cat', 'sh', ['-c', 'echo $$; read a; echo "$a" >&2; exit 3'], {
    env: process.env,
  });
  expect(await program.nextLine()).toBe(String(program.pid));
  program.tell('heard');
  expect(await program.ended).toBe(3);
  expect(program.output).toContain('heard');
});

test('a program that is not there is an error', async () => {
  await using program = await Program.start('none', '/nowhere/none', [], { env: process.env });
  expect(await program.ended).toBe(127);
  expect((await program.failure()).message).toMatch(/not found/);
});
