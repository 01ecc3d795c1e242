import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { zoneOf } from '../../../base/time.ts';
import { RawFileName } from '../../../collector/bronze/raw-file-name.ts';
import { lookAt } from '../../../collector/bronze/raw-folder.ts';
import { Recorder } from '../../../collector/bronze/recorder.ts';
import { defaultTopics } from '../../../collector/payload/topics.ts';
import { compressRawFile } from '../../../collector/retention/raw-compression.ts';
import { CaseFoldingFolder } from '../../harness/case-folding.ts';
import { silent } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';

const IDS = ['Sensor 1', 'SENSOR 1', 'sensor 1', 'Straße', 'STRASSE', 'é', 'e\u0301'];

const payload = (id: string, value: number) =>
  Buffer.from(JSON.stringify({ id, dt: '2025-11-12T10:15:01Z', value }));

async function recorderIn(dataDir: string) {
  const topics = defaultTopics(['#'], zoneOf('UTC'));
  const recorder = new Recorder({ dataDir, topics, lateMinutes: 5, descriptors: 16, log: silent });
  await recorder.start(true);
  return recorder;
}

/** Values by id, of all raw files; fails where a file holds lines of two sensors. */
async function valuesIn(dataDir: string): Promise<Map<string, number[]>> {
  const values = new Map<string, number[]>();
  for (const name of await readdir(join(dataDir, 'raw'))) {
    const text = await readFile(join(dataDir, 'raw', name), 'utf8');
    const lines = text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as { id: string; value: number });
    expect(new Set(lines.map(({ id }) => id)).size, name).toBe(1);
    const [{ id } = { id: '' }] = lines;
    expect(RawFileName.ofKey(name)!.mayHold(id), `${name} is a file of ${id}`).toBe(true);
    values.set(id, [...(values.get(id) ?? []), ...lines.map(({ value }) => value)]);
  }
  return values;
}

test('on a file system that ignores case, ids that differ by case have files of their own, also after restarts', async context => {
  await using temporary = await temporaryFolder();
  await using folded = await CaseFoldingFolder.mount(temporary.path);
  if (folded === undefined) return context.skip('needs FUSE');
  const dataDir = join(folded.path, 'data');
  for (let start = 0; start < 3; start++) {
    const recorder = await recorderIn(dataDir);
    // Each time another one comes first.
    const ids = [...IDS.slice(start), ...IDS.slice(0, start)];
    await Promise.all(ids.map(id => recorder.record('sensors/1', payload(id, 2 * start)).durable));
    for (const id of ids) await recorder.record('sensors/1', payload(id, 2 * start + 1)).durable;
    await recorder.stop();
  }
  expect(await valuesIn(dataDir)).toEqual(new Map(IDS.map(id => [id, [0, 1, 2, 3, 4, 5]])));
});

test('on such a file system a day is compressed and reopened as elsewhere', async context => {
  await using temporary = await temporaryFolder();
  await using folded = await CaseFoldingFolder.mount(temporary.path);
  if (folded === undefined) return context.skip('needs FUSE');
  const dataDir = join(folded.path, 'data');
  const recorder = await recorderIn(dataDir);
  for (const id of ['Sensor 1', 'SENSOR 1']) await recorder.record('sensors/1', payload(id, 1)).durable;
  const raw = { dataDir, collector: 'test', recorder, log: silent };
  for (const key of await readdir(join(dataDir, 'raw'))) {
    expect(await compressRawFile(raw, (await lookAt(dataDir, RawFileName.ofKey(key)!))!)).toBe(true);
  }
  for (const id of ['SENSOR 1', 'Sensor 1']) await recorder.record('sensors/1', payload(id, 2)).durable;
  await recorder.stop();
  expect(await valuesIn(dataDir)).toEqual(
    new Map([
      ['Sensor 1', [1, 2]],
      ['SENSOR 1', [1, 2]],
    ]),
  );
});
