import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { formatTime } from '../../../base/time.ts';
import { DataFolder } from '../../../collector/bronze/data-folder.ts';
import { eventually } from '../../harness/eventually.ts';
import { type Pipeline, sluice, withPipeline } from '../verify/pipeline.ts';

const [SEVEN, EIGHT] = ['6f1d1c5e-52a5-4a57-9d3e-0a7c2f6d4b01', '0d9b8a7c-1111-4222-8333-944455556666'];
const HEADER = 'sensor_uuid,timestamp,sensor_value';
const MAPPING = `sensor_name,sensor_uuid\nsensor_00007,${SEVEN}\nsensor_00008,${EIGHT}\n`;

/** A folder of measurements, with the mapping among them. */
function folderOf(pipeline: Pipeline, files: Record<string, string | Buffer>): string {
  const folder = join(pipeline.folder, 'measurements');
  mkdirSync(folder);
  for (const [name, content] of Object.entries({ 'mapping.csv': MAPPING, ...files }))
    writeFileSync(join(folder, name), content);
  return folder;
}

const importArguments = (folder: string, ...more: string[]) => [
  'import',
  folder,
  '--sensors',
  join(folder, 'mapping.csv'),
  ...more,
];

const stored = async ({ database }: Pipeline) =>
  database.query<{ sensor_id: string; rows: number; quality: string }>(
    `SELECT sensor_id, count(*)::int AS rows, min(quality) AS quality FROM silver.sensor_reading
     GROUP BY sensor_id ORDER BY sensor_id`,
  );

test('files of all formats come into bronze, silver and gold; bad ones are told; a second run adds nothing', async () => {
  await withPipeline(async pipeline => {
    const folder = folderOf(pipeline, {
      'a.csv': `${HEADER}\n${SEVEN},2012-12-31T23:00:00+00,1.5\n${SEVEN},2012-12-31T23:00:30+00,2.5\n`,
      'b.jsonl.gz': gzipSync('{"sensor_name":"sensor_00007","time":1356994860,"value":4}\n'),
      'c.json': '[{"id":"stranger","time":"2012-12-31 23:02:00","value":8}]',
      'e.csv': `${HEADER}\n${SEVEN},yesterday,1\n${EIGHT},2012-12-31T23:03:00+00,16\n${EIGHT},2012-12-31T23:04:00+00,\n`,
      'f.csv': 'no,measurements\n1,2\n',
      'notes.md': 'nothing',
    });
    copyFileSync(join(import.meta.dirname, 'parquet/snappy-us-utc.parquet'), join(folder, 'd.parquet'));

    const planned = await pipeline.sluice(importArguments(folder, '--dry-run', '--json'));
    expect(planned.code).toBe(1);
    expect(JSON.parse(planned.stdout)).toMatchObject({ recorded: 10, rejected: 3, dryRun: true });
    expect([readdirSync(pipeline.raw), existsSync(join(pipeline.dataDir, 'imports.jsonl'))]).toEqual([
      [],
      false,
    ]);

    const first = await pipeline.sluice(importArguments(folder));
    const lines = first.stdout.replaceAll(`${folder}/`, '').split('\n');
    expect(lines.slice(0, -3)).toEqual([
      'a.csv: 2 rows recorded',
      'b.jsonl.gz: 1 row recorded',
      'c.json: 1 row recorded',
      'd.parquet: 5 rows recorded, 1 row rejected',
      `  line 6: value is missing (${EIGHT}, 2012-12-31T23:12:00.000005Z, null)`,
      'e.csv: 1 row recorded, 2 rows rejected',
      `  line 2: time is not an ISO 8601 date and time (${SEVEN}, yesterday, 1)`,
      `  line 4: value is missing (${EIGHT}, 2012-12-31T23:04:00+00, )`,
      'f.csv: refused, line 1: there is no column for the sensor, such as sensor_uuid; there is no column for the time, such as timestamp; there is no column for the value, such as sensor_value (the columns are no, measurements); see --columns',
      '1 other file left alone: their names are none of measurements.',
      '1 sensor not in the mapping, taken as they are: "stranger".',
    ]);
    expect(lines.at(-2)).toBe('Loaded: 10 stored, 0 there already, 0 conflicting; 9 minutes refreshed.');
    expect([first.code, first.stderr]).toEqual([1, '']);
    expect(await stored(pipeline)).toEqual([
      { sensor_id: EIGHT, rows: 3, quality: 'valid' },
      { sensor_id: SEVEN, rows: 6, quality: 'valid' },
      { sensor_id: 'stranger', rows: 1, quality: 'unknown_sensor' },
    ]);
    const [rejectedFile] = readdirSync(join(pipeline.dataDir, 'rejected'));
    const rejected = readFileSync(join(pipeline.dataDir, 'rejected', rejectedFile!), 'utf8')
      .trim()
      .split('\n');
    expect(JSON.parse(rejected[1]!)).toMatchObject({
      topic: `import ${folder}/e.csv`,
      reason: 'time is not an ISO 8601 date and time',
      payload: `{"line":2,"sensor":"${SEVEN}","time":"yesterday","value":"1"}`,
    });

    // The forerunner's own words.
    const range = [
      '--start-timestamp',
      '2012-12-31T22:07:00+00',
      '--end-timestamp',
      '2013-02-16T11:03:00+00',
    ];
    const page = ['--page-number', '2', '--page-size', '2'];
    const read = await pipeline.sluice([
      'readings',
      '--sensor-name',
      'sensor_00007',
      ...range,
      ...page,
      '--json',
    ]);
    expect(
      read.stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line).value),
    ).toEqual([4, 0.5]);

    const before = await pipeline.dump();
    const second = await pipeline.sluice(importArguments(folder));
    expect(second.stdout).toContain('e.csv: imported before\n');
    expect(second.stdout).toContain('Loaded: 0 stored, 0 there already, 0 conflicting; 0 minutes refreshed.');
    expect(await pipeline.dump()).toEqual(before);
    expect((await pipeline.verify()).ok).toBe(true);
  });
});

test('killed at any instant, the next run goes on; every row is there once', async () => {
  await withPipeline(async pipeline => {
    const rows = 20_000;
    const fileOf = (sensor: string) =>
      `${HEADER}\n${Array.from({ length: rows }, (_, row) => `${sensor},${formatTime(1.4e15 + row * 1e7)},${row}\n`).join('')}`;
    const folder = folderOf(pipeline, { 'a.csv': fileOf(SEVEN), 'b.csv.gz': gzipSync(fileOf(EIGHT)) });
    const killedOnce = async (isTime: () => boolean | Promise<boolean>) => {
      const child = spawn(
        process.execPath,
        [join(import.meta.dirname, '../../../sluice.js'), ...importArguments(folder)],
        {
          env: { PATH: process.env.PATH, ...pipeline.env },
          stdio: 'ignore',
        },
      );
      const ended = once(child, 'exit');
      // Where it was faster than we look, it has ended by itself.
      await Promise.race([ended, eventually(async () => expect(await isTime()).toBe(true))]);
      child.kill('SIGKILL');
      await ended;
    };
    const journal = join(pipeline.dataDir, 'imports.jsonl');
    await killedOnce(() => existsSync(journal) && readFileSync(journal).length > 0);
    await killedOnce(async () => (await stored(pipeline)).some(({ sensor_id }) => sensor_id === EIGHT));

    const last = await pipeline.sluice(importArguments(folder));
    expect(last.code).toBe(0);
    expect((await stored(pipeline)).map(({ rows }) => rows)).toEqual([rows, rows]);
    expect((await pipeline.verify()).ok).toBe(true);
    const again = await pipeline.sluice(importArguments(folder, '--json'));
    expect(JSON.parse(again.stdout)).toMatchObject({
      recorded: 0,
      before: 2 * rows,
      loaded: { stored: 0, lines: 0 },
    });
  });
});

test('where a collector has the data folder, it says what to do; --data records beside it', async () => {
  await withPipeline(async pipeline => {
    const folder = folderOf(pipeline, { 'a.csv': `${HEADER}\n${SEVEN},2012-12-31T23:00:00+00,1.5\n` });
    const lock = await DataFolder.lock(pipeline.dataDir, 'sluice');
    try {
      const refused = await pipeline.sluice(importArguments(folder));
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/is the data folder of a collector that runs .*--data FOLDER/);
      const own = join(pipeline.folder, 'own');
      const beside = await pipeline.sluice(importArguments(folder, '--data', own));
      expect([beside.code, beside.stderr]).toEqual([0, '']);
      const verified = await pipeline.sluice(['verify', '--data', own]);
      expect([verified.code, verified.stderr]).toEqual([0, '']);
    } finally {
      await lock.unlock();
    }
  });
});

test.each([
  [['import', '/nowhere'], /There is no file or folder \/nowhere to import/],
  [['import', '/tmp', '--columns', 'sensor=a,when=b'], /must be sensor=NAME,time=NAME,value=NAME/],
])('%j is wrong usage', async (words, message) => {
  const { code, stderr } = await sluice(words, {});
  expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
});
