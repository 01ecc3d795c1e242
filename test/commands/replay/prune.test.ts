import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nameCollector } from '../../../collector/bronze/folder-identity.ts';
import { writeEnvelope } from '../../../collector/payload/envelope.ts';
import { readTopics } from '../../../collector/payload/topics-file.ts';
import { Prune } from '../../../commands/replay/prune.ts';
import { silent } from '../../harness/pipeline.ts';
import { userOf } from '../../harness/user.ts';
import { Pipeline, reading, withPipeline } from '../verify/pipeline.ts';

const FILE = '2025-11-12_@shellies%2F1.jsonl';
const yamlOf = (values: string) =>
  `topics: [{ filter: "shellies/{device}", format: json, sensor: "{device}/{path}", ${values} }]`;
const topicsOf = (values: string) => readTopics(yamlOf(values), { zone: 'UTC' });
const BOTH = topicsOf('values: [temp, hum]');
const TEMP = topicsOf('values: [temp]');

/** Messages of a device, a second apart. */
const messages = (...payloads: string[]) =>
  payloads
    .map((payload, second) => {
      const arrival = (Date.UTC(2025, 10, 12, 10, 15) + second * 1000) * 1000;
      return `${writeEnvelope({ arrival, topic: 'shellies/1', payload: Buffer.from(payload) })}\n`;
    })
    .join('');

const stored = async ({ database }: Pipeline) =>
  (
    await database.query<{ text: string }>(
      "SELECT sensor_id || ' ' || value || ' ' || to_char(time AT TIME ZONE 'UTC', 'MI:SS') AS text FROM silver.sensor_reading ORDER BY time, sensor_id",
    )
  ).map(({ text }) => text);

async function loadedWith(pipeline: Pipeline, topics: typeof BOTH, lines: string): Promise<void> {
  pipeline.topics = topics;
  pipeline.write(FILE, lines);
  await pipeline.load();
  await pipeline.refresh();
  expect(await pipeline.verify()).toMatchObject({ ok: true });
}

test('what only the former topics file found goes, with its sensor, and nothing else', async () => {
  await withPipeline(async pipeline => {
    await loadedWith(pipeline, BOTH, messages('{"temp": 20, "hum": 40}', '{"temp": 21, "hum": 41}'));
    pipeline.topics = TEMP;
    const entry = 'shellies/{device}';
    const rehearsed = await pipeline.replay([], { prune: true, dryRun: true });
    expect(rehearsed.pruned).toEqual([{ entry, readings: 2 }]);
    expect(rehearsed.rows).toMatchObject([{ entry, lines: 2, stored: 0, present: 2 }]);
    expect(await stored(pipeline)).toHaveLength(4);

    expect(await pipeline.replay([], { prune: true })).toMatchObject({ pruned: [{ entry, readings: 2 }] });
    expect(await stored(pipeline)).toEqual(['1/temp 20 15:00', '1/temp 21 15:01']);
    await pipeline.refresh();
    expect(await pipeline.verify()).toMatchObject({ ok: true, remapped: 0 });
    const sensors = "SELECT sensor_id FROM silver.sensor WHERE sensor_id LIKE '1/%'";
    expect(await pipeline.database.query(sensors)).toEqual([{ sensor_id: '1/temp' }]);
    expect((await pipeline.replay([], { prune: true })).pruned).toEqual([]);
  });
});

test('a replay without it leaves them there; it is told later what to remove, too', async () => {
  await withPipeline(async pipeline => {
    await loadedWith(pipeline, BOTH, messages('{"temp": 20, "hum": 40}'));
    pipeline.topics = TEMP;
    await pipeline.replay();
    expect(await stored(pipeline)).toHaveLength(2);
    expect((await pipeline.replay([], { prune: true })).pruned).toEqual([
      { entry: 'shellies/{device}', readings: 1 },
    ]);
    await pipeline.refresh();
    expect(await pipeline.verify()).toMatchObject({ ok: true });
  });
});

test('a corrected scale takes the place of the wrong values; a dry run says so', async () => {
  await withPipeline(async pipeline => {
    await loadedWith(
      pipeline,
      topicsOf('values: { temp: { scale: 10 } }'),
      messages('{"temp": 20}', '{"temp": 0}'),
    );
    pipeline.topics = TEMP;
    const rehearsed = await pipeline.replay([], { prune: true, dryRun: true });
    expect(rehearsed.rows).toMatchObject([{ stored: 1, present: 1, conflicts: 0 }]);
    const { pruned, rows } = await pipeline.replay([], { prune: true });
    expect(pruned).toMatchObject([{ readings: 1 }]);
    expect(rows).toMatchObject([{ stored: 1, present: 1, conflicts: 0 }]);
    expect(await stored(pipeline)).toEqual(['1/temp 20 15:00', '1/temp 0 15:01']);
    await pipeline.refresh();
    expect(await pipeline.verify()).toMatchObject({ ok: true });
  });
});

test('what a plain message, or the file of another topic, says stays', async () => {
  await withPipeline(async pipeline => {
    await loadedWith(pipeline, BOTH, messages('{"temp": 20, "hum": 40}', '{"hum": 41}', '{"hum": 42}'));
    pipeline.record(reading('1/hum', '2025-11-12T10:15:00Z', 40));
    await pipeline.load();
    // Another topic, which is not replayed, claims the second one.
    const arrival = (Date.UTC(2025, 10, 12, 10, 15) + 1000) * 1000;
    const other = writeEnvelope({ arrival, topic: 'other/1', payload: Buffer.from('41') });
    pipeline.write('2025-11-12_@other%2F1.jsonl', `${other}\n`);
    const with2 = (values: string) =>
      readTopics(`${yamlOf(values).slice(0, -1)}, { filter: other/1, format: number, sensor: "1/hum" }]`, {
        zone: 'UTC',
      });
    pipeline.topics = with2('values: [temp, hum]');
    await pipeline.load();
    pipeline.topics = with2('values: [temp]');
    const { pruned } = await pipeline.replay([join(pipeline.raw, FILE)], { prune: true });
    expect(pruned).toEqual([{ entry: 'shellies/{device}', readings: 1 }]);
    expect(await stored(pipeline)).toEqual(['1/hum 40 15:00', '1/temp 20 15:00', '1/hum 41 15:01']);
    await pipeline.refresh();
    expect((await pipeline.verify()).differences).toEqual({ count: 0, first: [] });
  });
});

test('what another collector claims stays; where nobody can tell, its folder is asked for', async () => {
  await withPipeline(async pipeline => {
    const dataDir = join(pipeline.folder, 'other');
    await mkdir(join(dataDir, 'raw'), { recursive: true });
    const collector = await nameCollector(dataDir, 'other');
    await using other = new Pipeline(pipeline.folder, collector, pipeline.database, dataDir);
    await loadedWith(pipeline, BOTH, messages('{"hum": 40}', '{"hum": 41}'));
    other.topics = BOTH;
    other.write(FILE, messages('{"hum": 40}'));
    await other.load();
    pipeline.topics = TEMP;
    await expect(pipeline.replay([], { prune: true })).rejects.toThrow(`also be of ${collector}`);
    const { pruned } = await pipeline.replay([], { prune: true, others: [{ dataDir, collector }] });
    expect(pruned).toMatchObject([{ readings: 1 }]);
    expect(await stored(pipeline)).toEqual(['1/hum 40 15:00']);
  });
});

test('lines that are understood now are no longer kept as rejected', async () => {
  await withPipeline(async pipeline => {
    await loadedWith(pipeline, TEMP, messages('{"temp": "warm"}', 'torn', '{"temp": 20}'));
    expect(await pipeline.database.query('SELECT reason FROM silver.rejected_line')).toHaveLength(2);
    pipeline.topics = topicsOf('values: { temp: { map: { warm: 25 } } }');
    await pipeline.replay();
    await pipeline.refresh();
    expect(await stored(pipeline)).toEqual(['1/temp 25 15:00', '1/temp 20 15:02']);
    expect(await pipeline.database.query('SELECT reason FROM silver.rejected_line')).toEqual([
      { reason: 'not JSON' },
    ]);
    expect(await pipeline.verify()).toMatchObject({ ok: true, remapped: 0 });
  });
});

test('sluice_writer may not; the command says who may, and prints what went', async () => {
  await withPipeline(async pipeline => {
    await loadedWith(pipeline, BOTH, messages('{"temp": 20, "hum": 40}'));
    await using writer = await userOf(pipeline.database, 'sluice_writer');
    const { dataDir, collector } = pipeline;
    const options = { folder: { dataDir, collector }, others: [], topics: TEMP, zone: 'UTC', log: silent };
    await expect(Prune.prepare(writer, options)).rejects.toThrow(/the role \S+ may not: name the owner/);
    const file = join(pipeline.folder, 'topics.yaml');
    await writeFile(file, yamlOf('values: [temp]'));
    pipeline.settings.TOPICS_FILE = file;
    const { code, stdout, stderr } = await pipeline.sluice(['replay', '--prune']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/former entry +removed\nshellies\/\{device\} +1\n1 entry +1\n/);
    expect(stdout).toContain('2 minutes refreshed');
    expect(await stored(pipeline)).toEqual(['1/temp 20 15:00']);
  });
});
