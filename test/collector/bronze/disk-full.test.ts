import { spawnSync } from 'node:child_process';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { zoneOf } from '../../../base/time.ts';
import { DataFolder } from '../../../collector/bronze/data-folder.ts';
import { Recorder } from '../../../collector/bronze/recorder.ts';
import { defaultTopics } from '../../../collector/payload/topics.ts';
import { linesIn, silent } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';

/** A file system of `size` that is gone at the end of the scope; undefined where this user may not mount one. */
async function smallDisk(size: string) {
  const folder = await temporaryFolder();
  const path = join(folder.path, 'disk');
  await mkdir(path);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path]).status === 0;
  return {
    path: mounted ? path : undefined,
    [Symbol.asyncDispose]: async () => {
      if (mounted) spawnSync('umount', [path]);
      await folder[Symbol.asyncDispose]();
    },
  };
}

test('a full disk: what is acknowledged is whole on disk, nothing else is, and recording resumes', async context => {
  await using disk = await smallDisk('1m');
  if (disk.path === undefined) return context.skip('may not mount a small file system');
  const dataDir = disk.path;
  const recorder = new Recorder({
    dataDir,
    topics: defaultTopics(['#'], zoneOf('UTC')),
    lateMinutes: 5,
    descriptors: 64,
    log: silent,
  });
  await recorder.start(false);
  const ballast = join(dataDir, 'ballast');
  await writeFile(ballast, Buffer.alloc(500 * 1024));

  const acknowledged: string[] = [];
  const refused: string[] = [];
  // Each group has lines for the same four files and for one that is new; one group of them hits the limit in some file.
  for (let group = 0; refused.length === 0; group++) {
    const payloads = ['a', 'b', 'c', 'd', `new ${group}`].map(id =>
      JSON.stringify({ id, dt: '2025-11-12', value: group, text: 'x'.repeat(5000 + group) }),
    );
    // It comes late, into a file of its own, and gets a mark beside that.
    payloads.push(JSON.stringify({ id: `new ${group}`, dt: '2024-11-12', value: group }));
    const results = await Promise.allSettled(
      payloads.map(payload => recorder.record('sensors/1', Buffer.from(payload)).durable),
    );
    for (const [index, { status }] of results.entries()) {
      (status === 'fulfilled' ? acknowledged : refused).push(payloads[index]!);
    }
  }
  expect(refused).toHaveLength(6);
  expect(acknowledged.length).toBeGreaterThan(0);
  expect(recorder.failure?.message).toMatch(/ENOSPC.*free some space/);
  const onDisk = async () => [...(await linesIn(join(dataDir, 'raw'))).values()].flat().sort();
  expect(await onDisk()).toEqual(acknowledged.toSorted());
  const marked = async () =>
    (await readdir(join(dataDir, 'raw'))).filter(name => name.endsWith('.late')).length;
  expect(await marked()).toBe(acknowledged.length / 6);
  await expect(recorder.record('sensors/1', Buffer.from(refused[0]!)).durable).rejects.toThrow('ENOSPC');

  await rm(ballast);
  await recorder.untilRecording();
  // The broker sends again what was not acknowledged.
  await Promise.all(refused.map(payload => recorder.record('sensors/1', Buffer.from(payload)).durable));
  expect(await onDisk()).toEqual([...acknowledged, ...refused].sort());
  expect(await marked()).toBe(acknowledged.length / 6 + 1);
  await recorder.stop();
});

test('a start on a full disk names the folder and what to do', async context => {
  await using disk = await smallDisk('64k');
  if (disk.path === undefined) return context.skip('may not mount a small file system');
  await expect(writeFile(join(disk.path, 'ballast'), Buffer.alloc(100 * 1024))).rejects.toThrow('ENOSPC');
  // What the first one leaves must not stand in the way of the second.
  for (let start = 0; start < 2; start++) {
    const said = await DataFolder.lock(disk.path, 'test').then(
      () => '',
      ({ message }) => message,
    );
    expect(said).toContain(`Cannot begin in the data folder ${disk.path} (0 of 0 MB free): ENOSPC`);
    expect(said).toMatch(/Free some space.*DATA_DIR/);
  }
  await rm(join(disk.path, 'ballast'));
  const folder = await DataFolder.lock(disk.path, 'test');
  await folder.unlock();
});
