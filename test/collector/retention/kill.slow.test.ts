import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { RawFileName } from '../../../collector/bronze/raw-file-name.ts';
import { sizesOf } from '../../harness/lines.ts';
import { temporaryFolder } from '../../harness/server.ts';
import { startRecorder, textOf } from './house.ts';

const ROUNDS = 8;
const press = fileURLToPath(new URL('./press.ts', import.meta.url));
const steps = fileURLToPath(new URL('./steps.ts', import.meta.url));
const NAME = '2025-11-03_Sensor_1.jsonl';

/** Runs a program of this folder until it ends or is killed. @param onLine told each line that it prints. */
async function run(
  program: string,
  args: string[],
  onLine: (line: string, child: ChildProcess) => void,
): Promise<NodeJS.Signals | null> {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  for await (const line of createInterface({ input: child.stdout })) onLine(line, child);
  const [, signal] = (await closed) as [number | null, NodeJS.Signals | null];
  return signal;
}

/** Kills the program before its call number `call`. @returns whether it got there, and what it acknowledged. */
async function killBefore(
  call: number,
  dataDir: string,
): Promise<{ killed: boolean; acknowledged: number[] }> {
  const acknowledged: number[] = [];
  const signal = await run(steps, [dataDir, String(call)], line => {
    if (/^\d+$/.test(line)) acknowledged.push(Number(line));
  });
  return { killed: signal === 'SIGKILL', acknowledged };
}

test('killed before any step of compressing a file and of making it plain again, it is whole, in one form', async () => {
  let call = 1;
  for (let killed = true; killed; call++) {
    await using folder = await temporaryFolder();
    let acknowledged: number[];
    ({ killed, acknowledged } = await killBefore(call, folder.path));
    const raw = join(folder.path, 'raw');
    await (await startRecorder(folder.path, { repair: true })).stop();
    const names = await readdir(raw);
    expect(names, `killed before call ${call}`).toHaveLength(acknowledged.length === 0 ? names.length : 1);
    if (names.length === 0) continue;
    const values = (await textOf(raw, NAME))
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).value);
    expect(values.slice(0, acknowledged.length), `killed before call ${call}`).toEqual(acknowledged);
    expect(values.length).toBeLessThanOrEqual(acknowledged.length + 1);
  }
  expect(call).toBeGreaterThan(20);
});

/** Lets a process record and compress until it has acknowledged so many, and some; then kills it. @returns what it acknowledged. */
async function recordAndCompress(dataDir: string, first: number, some: number): Promise<number[]> {
  const acknowledged: number[] = [];
  const signal = await run(press, [dataDir, String(first)], (line, child) => {
    acknowledged.push(Number(line));
    // At whatever instant the process has got to by then.
    if (acknowledged.length === some) setTimeout(() => child.kill('SIGKILL'), (some * 7) % 13);
  });
  expect(signal).toBe('SIGKILL');
  return acknowledged;
}

test('killed while files are compressed and made plain under load, nothing acknowledged is lost and nothing is double', async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'raw'));
  const acknowledged = new Set<number>();
  let archives = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const n of await recordAndCompress(folder.path, round * 1_000_000, 5 + ((round * 17) % 40)))
      acknowledged.add(n);
    archives += (await readdir(join(folder.path, 'raw'))).filter(name => name.includes('.gz')).length;
  }
  const recorder = await startRecorder(folder.path, { repair: true });
  const sizes = await sizesOf(recorder);
  await recorder.stop();

  const names = await readdir(join(folder.path, 'raw'));
  const found: number[] = [];
  for (const name of names.filter(name => !name.endsWith('.late'))) {
    const plain = RawFileName.parse(name)?.name.key ?? `${name} is not a raw file`;
    const text = await textOf(join(folder.path, 'raw'), plain);
    expect(sizes.get(plain)).toBe(text.length);
    const values = text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).value as number);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
    found.push(...values);
  }
  expect(new Set(found).size).toBe(found.length);
  expect(acknowledged.difference(new Set(found))).toEqual(new Set());
  // What was on disk and not yet told is at most the one of each round.
  expect(found.length - acknowledged.size).toBeLessThanOrEqual(ROUNDS);
  expect(archives).toBeGreaterThan(0);
});
