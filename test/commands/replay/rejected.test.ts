import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../../base/config.ts';
import { DataFolder } from '../../../collector/bronze/data-folder.ts';
import { rejectedLine } from '../../../collector/bronze/line.ts';
import { readTopics } from '../../../collector/payload/topics-file.ts';
import { decideRejected } from '../../../commands/replay/rejected.ts';
import { silent } from '../../harness/pipeline.ts';
import { type Pipeline, withPipeline } from '../verify/pipeline.ts';

const YAML = 'topics: [{ filter: sensors/# }, { filter: "n/{x}", format: number, sensor: "{x}" }]';
const NOON = Date.UTC(2025, 10, 12, 12);

/** Two messages of one topic and millisecond, a reading that came ahead of a wrong clock, and what stays rejected. */
async function rejects({ dataDir, folder, settings }: Pipeline): Promise<string> {
  const line = (topic: string, payload: string | Buffer, reason: string, ms = 0) =>
    `${rejectedLine(topic, Buffer.from(payload), reason, NOON + ms)}\n`;
  const path = join(dataDir, 'rejected', '2025-11-12.jsonl');
  await mkdir(join(dataDir, 'rejected'));
  await writeFile(
    path,
    line('n/a', '21.5', 'no entry of the topics file takes this topic') +
      line('n/a', '21.5', 'no entry of the topics file takes this topic') +
      line('n/b', Buffer.from([0xff]), 'no entry of the topics file takes this topic', 5) +
      line(
        'sensors/1',
        '{"id": "Sensor 1", "dt": "2025-11-12T11:59:00Z", "value": 20}',
        'dt is more than a day ahead',
      ) +
      line('sensors/1', '{"id": "Sensor 1"}', 'dt is missing') +
      line('elsewhere', '1', 'no entry of the topics file takes this topic') +
      '{"received_at": "2025-11-12T12:00',
  );
  settings.TOPICS_FILE = join(folder, 'topics.yaml');
  await writeFile(settings.TOPICS_FILE, YAML);
  return path;
}

test('rejected messages that are readings now are recorded with their former arrival and loaded, once', async () => {
  await withPipeline(async pipeline => {
    const path = await rejects(pipeline);
    const before = await readFile(path, 'utf8');
    const place = join(pipeline.dataDir, 'rejected');
    const { code, stdout, stderr } = await pipeline.sluice(['replay', place]);
    expect([code, stderr]).toEqual([0, '']);
    const rows = stdout.split('\n').map(row => row.split(/ {2,}/));
    expect(rows.slice(0, 4)).toEqual([
      ['entry', 'messages', 'recorded', 'known', 'rejected'],
      ['n/{x}', '3', '3', '0', '0'],
      ['no entry', '1', '0', '0', '1'],
      ['sensors/#', '2', '1', '0', '1'],
    ]);
    const stored = () =>
      pipeline.database.query(
        `SELECT sensor_id, value, to_char(time AT TIME ZONE 'UTC', 'HH24:MI:SS.US') AS at FROM silver.sensor_reading ORDER BY 1, 3`,
      );
    const readings = [
      { sensor_id: 'a', value: 21.5, at: '12:00:00.000000' },
      { sensor_id: 'a', value: 21.5, at: '12:00:00.000001' },
      { sensor_id: 'Sensor 1', value: 20, at: '11:59:00.000000' },
    ];
    const rejections = await pipeline.database.query('SELECT reason FROM silver.rejected_line');
    expect(rejections).toEqual([{ reason: 'not UTF-8' }]);
    expect(new Set(await stored())).toEqual(new Set(readings));
    expect(await readFile(path, 'utf8')).toBe(before);
    pipeline.topics = readTopics(YAML, { zone: 'UTC' });
    expect(await pipeline.verify()).toMatchObject({ ok: true });

    // Once more: nothing is recorded twice, whatever the order of the files.
    const config = readConfig({ ...pipeline.env, LOG_LEVEL: 'silent' });
    const again = (dryRun: boolean, places = [place]) =>
      decideRejected(config, pipeline.topics, places, silent, dryRun);
    const known = [
      { entry: 'n/{x}', messages: 3, recorded: 0, known: 3, rejected: 0 },
      { entry: 'no entry', messages: 1, recorded: 0, known: 0, rejected: 1 },
      { entry: 'sensors/#', messages: 2, recorded: 0, known: 1, rejected: 1 },
    ];
    expect(await again(false)).toEqual({ counts: known, files: [] });
    expect(await again(true, [path])).toEqual({ counts: known, files: [] });
    await expect(again(true, [join(place, '2020-01-01.jsonl')])).rejects.toThrow('no such file');
  });
});

test('raw files have one writer: while a collector runs, nothing is recorded', async () => {
  await withPipeline(async pipeline => {
    await rejects(pipeline);
    const config = readConfig({ ...pipeline.env, LOG_LEVEL: 'silent' });
    const topics = readTopics(YAML, { zone: 'UTC' });
    const folder = await DataFolder.lock(pipeline.dataDir, 'sluice');
    try {
      const place = join(pipeline.dataDir, 'rejected');
      await expect(decideRejected(config, topics, [place], silent, false)).rejects.toThrow(
        /is in use by process/,
      );
      expect((await decideRejected(config, topics, [place], silent, true)).counts).toHaveLength(3);
    } finally {
      await folder.unlock();
    }
  });
});
