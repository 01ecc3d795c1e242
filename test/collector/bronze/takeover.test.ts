import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { zoneOf } from '../../../base/time.ts';
import { AppendFile } from '../../../collector/bronze/append-file.ts';
import { DataFolder, FolderLostError } from '../../../collector/bronze/data-folder.ts';
import { Recorder } from '../../../collector/bronze/recorder.ts';
import { defaultTopics } from '../../../collector/payload/topics.ts';
import { eventually } from '../../harness/eventually.ts';
import { sizesOf } from '../../harness/lines.ts';
import { silent } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';

const script = fileURLToPath(new URL('./suspended.ts', import.meta.url));
const RAW = '2025-11-12_Sensor_1.jsonl';

/** Process ids of what a process has started. */
async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

/** The recording process in a namespace of its own, as in a container; undefined where we may not make one. */
async function startSuspended(dataDir: string) {
  const args = ['--pid', '--fork', '--kill-child', process.execPath, script, dataDir];
  const child: ChildProcess = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const acknowledged: number[] = [];
  let rest = '';
  child.stdout!.on('data', (text: Buffer) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    acknowledged.push(...lines.map(Number));
  });
  const exit = once(child, 'exit') as Promise<[number | null]>;
  const started = await Promise.race([
    once(child.stdout!, 'data').then(() => true),
    exit.then(() => false),
    once(child, 'error').then(() => false),
  ]);
  if (!started) return undefined;
  const [pid] = await childrenOf(child.pid!);
  return { pid: pid!, acknowledged, exit };
}

const recorderIn = (folder: DataFolder) =>
  new Recorder({
    dataDir: folder.path,
    topics: defaultTopics(['#'], zoneOf('UTC')),
    lateMinutes: 5,
    descriptors: 16,
    log: silent,
    folder,
  });

test('a holder that was suspended wakes beside its successor: it stops, and no acknowledged line is lost', async context => {
  await using temporary = await temporaryFolder();
  const dataDir = temporary.path;
  const suspended = await startSuspended(dataDir);
  if (suspended === undefined) return context.skip('may not make a process namespace');
  await eventually(() => expect(suspended.acknowledged.length).toBeGreaterThan(100));
  process.kill(suspended.pid, 'SIGSTOP');

  const folder = await DataFolder.lock(dataDir, 'sluice');
  expect(folder).toMatchObject({ crashed: true, isContested: true, epoch: 2 });
  const recorder = recorderIn(folder);
  await recorder.start(folder.crashed);
  const ours: number[] = [];
  const record = async (n: number) => {
    const payload = JSON.stringify({ id: 'Sensor 1', dt: '2025-11-12T10:00:00Z', value: n, of: 'successor' });
    await recorder.record('sensors/1', Buffer.from(payload)).durable;
    ours.push(n);
  };
  for (let n = 0; n < 100; n++) await record(n);
  process.kill(suspended.pid, 'SIGCONT');
  for (let n = 100; n < 300; n++) await record(n);
  expect(await suspended.exit).toEqual([3, null]);
  for (let n = 300; n < 400; n++) await record(n);
  const { [RAW]: durable } = Object.fromEntries(await sizesOf(recorder));
  await recorder.stop();

  const text = await readFile(join(dataDir, 'raw', RAW), 'utf8');
  expect(durable).toBe(text.length);
  const lines = text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as { value: number; of: string });
  const of = (whose: string) => lines.filter(line => line.of === whose).map(({ value }) => value);
  expect(of('successor')).toEqual(ours);
  expect(new Set(suspended.acknowledged).difference(new Set(of('suspended')))).toEqual(new Set());
  await folder.unlock();
});

test('who has lost the folder acknowledges nothing, changes nothing, and says whose it is', async () => {
  await using temporary = await temporaryFolder();
  const folder = await DataFolder.lock(temporary.path, 'sluice');
  const recorder = recorderIn(folder);
  await recorder.start(false);
  const taker = { pid: 7, host: 'elsewhere', since: '2025-11-12T10:15:00Z', token: 'another' };
  await writeFile(join(temporary.path, 'collector.lock'), `${JSON.stringify(taker)}\n`);
  const recording = recorder.record(
    'sensors/1',
    Buffer.from('{"id":"a","dt":"2025-11-12","value":1}'),
  ).durable;
  await expect(recording).rejects.toThrow(FolderLostError);
  await expect(recording).rejects.toThrow('taken over by process 7 on elsewhere');
  expect((await folder.lost).message).toContain('Run one collector a data folder');
  await expect(recorder.exchange([], () => Promise.reject(new Error('changed')))).rejects.toThrow(
    FolderLostError,
  );
  await expect(recorder.record('sensors/1', Buffer.from('x')).durable).rejects.toThrow(FolderLostError);
  await recorder.stop();
  await folder.unlock();
  expect(await readdir(temporary.path)).toContain('collector.lock');
});

test('a lock that somebody removed by hand is made again', async () => {
  await using temporary = await temporaryFolder();
  const folder = await DataFolder.lock(temporary.path, 'sluice');
  await unlink(join(temporary.path, 'collector.lock'));
  await folder.check();
  await expect(DataFolder.lock(temporary.path, 'sluice')).rejects.toThrow('in use by process');
  await folder.unlock();
});

test('lines that another process appends, torn ones too, cost none of ours', async () => {
  await using temporary = await temporaryFolder();
  const path = join(temporary.path, 'a.jsonl');
  const file = await AppendFile.open(path, { isContested: true });
  await file.append(Buffer.from('1\n'));
  await appendFile(path, 'foreign\n');
  await file.append(Buffer.from('2\n'));
  await appendFile(path, 'to');
  await file.append(Buffer.from('3\n'));
  expect(await readFile(path, 'utf8')).toBe('1\nforeign\n2\nto\n3\n');
  expect(file.size).toBe(17);
  await file.close();
});
