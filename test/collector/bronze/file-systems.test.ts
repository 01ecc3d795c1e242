import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { zoneOf } from '../../../base/time.ts';
import { nameCollector } from '../../../collector/bronze/folder-identity.ts';
import { RawFileName } from '../../../collector/bronze/raw-file-name.ts';
import { lookAt } from '../../../collector/bronze/raw-folder.ts';
import { Recorder } from '../../../collector/bronze/recorder.ts';
import { defaultTopics, type Topics } from '../../../collector/payload/topics.ts';
import { readTopics } from '../../../collector/payload/topics-file.ts';
import { compressRawFile } from '../../../collector/retention/raw-compression.ts';
import { Pipeline, reading } from '../../commands/verify/pipeline.ts';
import { withDatabase } from '../../harness/database.ts';
import { FuseFolder, type NameRules } from '../../harness/fuse-folder.ts';
import { silent } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';
import { House, startRecorder } from '../retention/house.ts';

/** Folders are called so, each time in another of Unicode's normal forms where those are one. */
const FOLDER = 'Küche';
/** By case, by normal form, and of the greatest length. */
const IDS = [
  'Sensor 1',
  'SENSOR 1',
  'sensor 1',
  'Straße',
  'STRASSE',
  'é',
  'e\u0301',
  'ж'.repeat(20),
  'Ж'.repeat(20),
  '🌡'.repeat(50),
  `${'🌡'.repeat(49)}x`,
  'x'.repeat(50),
];

const fileSystems: { name: string; rules: NameRules; folders: string[] }[] = [
  { name: 'ignores case', rules: { names: 'caseless' }, folders: [FOLDER] },
  {
    name: 'ignores case and normal forms, as APFS',
    rules: { names: 'apfs' },
    folders: [FOLDER, FOLDER.normalize('NFD')],
  },
  {
    name: 'makes names NFD and ignores case, as HFS+',
    rules: { names: 'hfs' },
    folders: [FOLDER, FOLDER.normalize('NFD')],
  },
  { name: 'has names of 143 bytes, as eCryptfs', rules: { longest: 143 }, folders: [FOLDER] },
];

/** What comes from a source of messages. */
const ORIGIN = { session: 'test' };

const payload = (id: string, value: number) => Buffer.from(reading(id, '2025-11-12T10:15:01Z', value));

async function recorderIn(dataDir: string, topics: Topics = defaultTopics(['#'], zoneOf('UTC'))) {
  const recorder = new Recorder({ dataDir, topics, lateMinutes: 5, descriptors: 16, log: silent });
  await recorder.start(true);
  return recorder;
}

/** What the lines of all raw files say, by whose they are; fails where a file holds lines of two. */
async function valuesIn(
  dataDir: string,
  whose = (line: Record<string, string>) => line.id!,
): Promise<Map<string, unknown[]>> {
  const values = new Map<string, unknown[]>();
  for (const name of await readdir(join(dataDir, 'raw'))) {
    const text = await readFile(join(dataDir, 'raw', name), 'utf8');
    const lines = text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, string>);
    const [owner, ...others] = new Set(lines.map(whose));
    expect(others, name).toEqual([]);
    expect(RawFileName.ofKey(name)!.mayHold(owner!), `${name} is a file of ${owner}`).toBe(true);
    values.set(owner!, [
      ...(values.get(owner!) ?? []),
      ...lines.map(({ value, payload }) => value ?? payload),
    ]);
  }
  return values;
}

describe.each(fileSystems)('on a file system that $name', ({ rules, folders }) => {
  test('each id has files of its own, also after restarts', async context => {
    await using temporary = await temporaryFolder();
    await using mounted = await FuseFolder.mount(temporary.path, rules);
    if (mounted === undefined) return context.skip('needs FUSE');
    for (let start = 0; start < 3; start++) {
      const recorder = await recorderIn(join(mounted.path, folders[start % folders.length]!));
      // Each time another one comes first.
      const ids = [...IDS.slice(start), ...IDS.slice(0, start)];
      await Promise.all(ids.map(id => recorder.record('sensors/1', payload(id, 2 * start)).durable));
      for (const id of ids) await recorder.record('sensors/1', payload(id, 2 * start + 1)).durable;
      await recorder.stop();
    }
    expect(await valuesIn(join(mounted.path, FOLDER))).toEqual(
      new Map(IDS.map(id => [id, [0, 1, 2, 3, 4, 5]])),
    );
  });

  test('each topic has files of its own, also after restarts', async context => {
    await using temporary = await temporaryFolder();
    await using mounted = await FuseFolder.mount(temporary.path, rules);
    if (mounted === undefined) return context.skip('needs FUSE');
    const topics = readTopics('topics: [{ filter: "#", format: number, sensor: "{topic}" }]', {
      zone: 'UTC',
    });
    const names = IDS.map(id => `home/${id}`);
    for (let start = 0; start < 2; start++) {
      const recorder = await recorderIn(join(mounted.path, folders[start % folders.length]!), topics);
      await Promise.all(
        names.map(topic => recorder.record(topic, Buffer.from(`${start}`), 0, ORIGIN).durable),
      );
      await recorder.stop();
    }
    expect(await valuesIn(join(mounted.path, FOLDER), ({ topic }) => topic!)).toEqual(
      new Map(names.map(topic => [topic, [0, 1]])),
    );
  });

  test('a day is compressed and reopened as elsewhere', async context => {
    await using temporary = await temporaryFolder();
    await using mounted = await FuseFolder.mount(temporary.path, rules);
    if (mounted === undefined) return context.skip('needs FUSE');
    const dataDir = join(mounted.path, FOLDER);
    const recorder = await recorderIn(dataDir);
    for (const id of IDS) await recorder.record('sensors/1', payload(id, 1)).durable;
    const raw = { dataDir, collector: 'test', recorder, log: silent };
    for (const key of await readdir(join(dataDir, 'raw'))) {
      expect(await compressRawFile(raw, (await lookAt(dataDir, RawFileName.ofKey(key)!))!)).toBe(true);
    }
    for (const id of IDS.toReversed()) await recorder.record('sensors/1', payload(id, 2)).durable;
    await recorder.stop();
    expect(await valuesIn(dataDir)).toEqual(new Map(IDS.map(id => [id, [1, 2]])));
  });

  test('what is recorded there is loaded, verified, and removed when it is too old', async context => {
    await using temporary = await temporaryFolder();
    await using mounted = await FuseFolder.mount(temporary.path, rules);
    if (mounted === undefined) return context.skip('needs FUSE');
    const dataDir = join(mounted.path, FOLDER);
    await mkdir(join(dataDir, 'raw'), { recursive: true });
    const collector = await nameCollector(dataDir, 'sluice');
    await withDatabase(async database => {
      await using pipeline = new Pipeline(mounted.path, collector, database, dataDir);
      await pipeline.upsertRegistry();
      const house = new House(pipeline, await startRecorder(dataDir));
      const payloads = IDS.map((id, n) => reading(id, '2025-11-03T10:15:01Z', n));
      await house.record(...payloads, ...payloads);
      await house.load();
      const stored = await database.query<{ id: string; value: number }>(
        'SELECT sensor_id AS id, value FROM silver.sensor_reading ORDER BY value',
      );
      expect(stored).toEqual(IDS.map((id, value) => ({ id, value })));
      expect(await pipeline.verify()).toMatchObject({
        ok: true,
        total: { files: IDS.length, stored: IDS.length, duplicates: IDS.length },
      });
      for (const sensor of IDS) expect(await pipeline.verify({ sensor }), sensor).toMatchObject({ ok: true });
      await house.compress('2025-11-05');
      expect(await house.remove('2025-11-05')).toBe(IDS.length);
      expect(await pipeline.verify()).toMatchObject({
        ok: true,
        retired: { removed: { files: IDS.length } },
      });
      await database.query('DELETE FROM silver.sensor_reading WHERE sensor_id = $1', [IDS[1]]);
      const { differences } = await pipeline.verify({ sensor: IDS[1]! });
      expect(differences.first.map(({ kind }) => kind)).toContain('removed_file');
      await house.recorder.stop();
    });
  });
});

test('a file system whose names are too short for raw files is refused, by name', async context => {
  await using temporary = await temporaryFolder();
  await using mounted = await FuseFolder.mount(temporary.path, { longest: 80 });
  if (mounted === undefined) return context.skip('needs FUSE');
  await expect(recorderIn(join(mounted.path, 'data'))).rejects.toThrow(
    /allows names of 80 bytes; raw files need 103. Set DATA_DIR/,
  );
});
