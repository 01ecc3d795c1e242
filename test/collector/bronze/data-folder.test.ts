import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DataFolder, FolderInUseError, isLocked } from '../../../collector/bronze/data-folder.ts';
import { readCollectorName } from '../../../collector/bronze/folder-identity.ts';
import { temporaryFolder } from '../../harness/server.ts';

const MODULE = new URL('../../../collector/bronze/data-folder.ts', import.meta.url).href;

/** Another process that takes the lock and keeps it. Resolves when it has it. */
async function holderOf(path: string) {
  const script = `
    const { DataFolder } = await import(${JSON.stringify(MODULE)});
    await DataFolder.lock(${JSON.stringify(path)}, 'sluice');
    process.stdout.write('locked');
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error('the holder ended'))),
  ]);
  return {
    pid: child.pid!,
    kill: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

test('a folder that another process has is refused, naming it; that of a killed one is taken over', async () => {
  await using folder = await temporaryFolder();
  const holder = await holderOf(folder.path);
  try {
    expect(await isLocked(folder.path)).toBe(true);
    const refused = DataFolder.lock(folder.path, 'sluice');
    await expect(refused).rejects.toThrow(FolderInUseError);
    await expect(refused).rejects.toThrow(new RegExp(`in use by process ${holder.pid} on .*DATA_DIR`));
  } finally {
    await holder.kill();
  }
  expect(await isLocked(folder.path)).toBe(false);
  const name = await readCollectorName(folder.path);
  const taken = await DataFolder.lock(folder.path, 'sluice');
  expect(taken).toMatchObject({ crashed: true, collector: name });
  await taken.unlock();
});

test('after a clean goodbye nothing has crashed, and the name stays', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'made', 'on the way');
  const first = await DataFolder.lock(path, 'plant-7');
  expect(first).toMatchObject({ crashed: false, collector: expect.stringMatching(/^plant-7-[0-9a-f]{8}$/) });
  await expect(DataFolder.lock(path, 'plant-7')).rejects.toThrow(`process ${process.pid}`);
  await first.unlock();
  expect(await isLocked(path)).toBe(false);
  const second = await DataFolder.lock(path, 'another client id');
  expect(second).toMatchObject({ crashed: false, collector: first.collector });
  await second.unlock();
});

test('what a killed writer has left of a file is removed by the next holder', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'mqtt_session.json.4711.new'), '{');
  await writeFile(join(folder.path, 'mqtt_session.json'), '{}');
  const holder = await DataFolder.lock(folder.path, 'sluice');
  expect((await readdir(folder.path)).sort()).toEqual([
    'collector.lock',
    'collector_epoch',
    'collector_id',
    'mqtt_session.json',
  ]);
  await holder.unlock();
});

test('two folders have two names', async () => {
  await using folder = await temporaryFolder();
  const one = await DataFolder.lock(join(folder.path, '1'), 'sluice');
  const two = await DataFolder.lock(join(folder.path, '2'), 'sluice');
  expect(one.collector).not.toBe(two.collector);
  await one.unlock();
  await two.unlock();
});

test('of many that start at once, one gets the folder', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'collector.lock'), lockOf({ pid: 999_999_999 }));
  const tried = await Promise.allSettled(
    Array.from({ length: 8 }, () => DataFolder.lock(folder.path, 'sluice')),
  );
  const won = tried.filter(result => result.status === 'fulfilled');
  expect(won).toHaveLength(1);
  await won[0]!.value.unlock();
});

test('a process that only has the same id as the holder had does not keep the folder', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'collector.lock'), lockOf({ pid: process.pid, begun: '1' }));
  const taken = await DataFolder.lock(folder.path, 'sluice');
  expect(taken.crashed).toBe(true);
  await taken.unlock();
});

test('a holder on another host has the folder as long as its heart beats', async () => {
  await using folder = await temporaryFolder();
  const lock = join(folder.path, 'collector.lock');
  await writeFile(lock, lockOf({ pid: 7, host: 'elsewhere' }));
  const beat = setInterval(() => void utimes(lock, new Date(), new Date()), 100);
  try {
    await expect(DataFolder.lock(folder.path, 'sluice')).rejects.toThrow('process 7 on elsewhere');
  } finally {
    clearInterval(beat);
  }
});

function lockOf(holder: { pid: number; host?: string; begun?: string }): string {
  return `${JSON.stringify({ host: hostname(), begun: '1', since: '2025-11-12T10:15:00Z', token: 'x', ...holder })}\n`;
}
