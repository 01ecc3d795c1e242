import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { databaseServers } from '../../harness/database.ts';
import { FIRST, loadExample, OTHER_DAY, SECOND } from '../verify/example.ts';
import { reading, withPipeline } from '../verify/pipeline.ts';

/** Readings of one sensor, a line each, at seconds of 2025-10-01. */
const october = (from: number, to: number, id = 'Sensor 3') =>
  Array.from({ length: to - from }, (_, index) => {
    const dt = new Date(Date.UTC(2025, 9, 1) + (from + index) * 1000).toISOString();
    return `${reading(id, dt, 20 + ((from + index) % 7))}\n`;
  }).join('');

describe.each(databaseServers())('replay on $name', server => {
  test('loads all of the data folder, as the collector would have', async () => {
    await withPipeline(async pipeline => {
      await loadExample(pipeline);
      const before = await pipeline.dump();
      await pipeline.database.query(
        'TRUNCATE bronze.raw_file, bronze.decoded_with, bronze.outlet_file, silver.sensor_reading, silver.rejected_line, silver.conflicting_reading',
      );
      await pipeline.database.query('TRUNCATE gold.reading_1min_mean');
      const { rows, refused } = await pipeline.replay();
      expect(refused).toEqual([]);
      expect(rows).toMatchObject([
        { file: FIRST, lines: 7, stored: 4, present: 1, conflicts: 1, rejected: 1 },
        { file: SECOND, lines: 1, stored: 1, present: 0, conflicts: 0, rejected: 0 },
        { file: OTHER_DAY, lines: 1, stored: 1, present: 0, conflicts: 0, rejected: 0 },
      ]);
      await pipeline.refresh();
      expect(await pipeline.dump()).toEqual(before);
    }, server);
  });

  test('changes nothing when done once more, or after the collector', async () => {
    await withPipeline(async pipeline => {
      await loadExample(pipeline);
      const before = await pipeline.dump();
      for (let round = 0; round < 2; round++) {
        const { rows } = await pipeline.replay();
        expect(rows[0]).toMatchObject({
          file: FIRST,
          lines: 7,
          stored: 0,
          present: 5,
          conflicts: 1,
          rejected: 1,
        });
        await pipeline.refresh();
        expect(await pipeline.dump()).toEqual(before);
      }
    }, server);
  });

  test('brings silver back after a truncate, conflicts with the same winner, and gold as it was', async () => {
    await withPipeline(async pipeline => {
      await loadExample(pipeline);
      const before = await pipeline.dump();
      await pipeline.database.query('TRUNCATE silver.sensor_reading');
      await pipeline.replay();
      await pipeline.refresh();
      expect(await pipeline.dump()).toEqual(before);

      // The means follow silver when they were refreshed in between, too.
      await pipeline.database.query(
        'INSERT INTO sluice.stale_minute SELECT bucket, sensor_id FROM gold.reading_1min_mean; TRUNCATE silver.sensor_reading',
      );
      await pipeline.refresh();
      expect(await pipeline.database.query('TABLE gold.reading_1min_mean')).toEqual([]);
      await pipeline.replay();
      await pipeline.refresh();
      expect(await pipeline.dump()).toEqual(before);
      expect((await pipeline.verify()).ok).toBe(true);
    }, server);
  });

  test('brings back means, rejected lines and conflicts where only they are gone', async () => {
    await withPipeline(async pipeline => {
      await loadExample(pipeline);
      const before = await pipeline.dump();
      await pipeline.database.query(
        'TRUNCATE silver.rejected_line, silver.conflicting_reading; TRUNCATE gold.reading_1min_mean',
      );
      await pipeline.replay();
      await pipeline.refresh();
      expect(await pipeline.dump()).toEqual(before);
    }, server);
  });

  test.each(['the collector', 'a replay'])(
    'a database restored from an old dump is healed by %s',
    async by => {
      await withPipeline(async pipeline => {
        await loadExample(pipeline);
        const tables = [
          'bronze.raw_file',
          'bronze.decoded_with',
          'bronze.outlet_file',
          'silver.sensor_reading',
          'silver.rejected_line',
          'silver.conflicting_reading',
          'silver.duplicate_minute',
          'silver.seen_sensor',
          'gold.reading_1min_mean',
          'gold.hourly_mean',
          'gold.daily_mean',
          'gold.data_quality_1min',
          'gold.data_quality_hourly',
          'gold.data_quality_daily',
        ];
        for (const table of tables) {
          await pipeline.database.query(`CREATE TABLE kept_${table.replace('.', '_')} AS TABLE ${table}`);
        }
        pipeline.record(
          reading('Sensor 1', '2025-11-12T10:15:02Z', 98),
          reading('Sensor 1', '2025-11-12T10:15:03Z', 22),
          reading('Sensor 4', '2025-11-12T10:15:03Z', 22),
        );
        pipeline.write(FIRST, '{}\n');
        await pipeline.load();
        await pipeline.refresh();
        const before = await pipeline.dump();

        await pipeline.database.query(`TRUNCATE ${tables.join(', ')}`);
        for (const table of tables) {
          const [{ columns }] = await pipeline.database.query(
            `SELECT string_agg(attname, ', ') AS columns FROM pg_attribute
             WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
            [table],
          );
          await pipeline.database.query(
            `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM kept_${table.replace('.', '_')}`,
          );
        }
        expect(await pipeline.verify()).toMatchObject({ ok: true, total: { lines: 9, pending: 4 } });
        if (by === 'a replay') await pipeline.replay();
        else await pipeline.load();
        await pipeline.refresh();
        expect(await pipeline.dump()).toEqual(before);
        expect(await pipeline.verify()).toMatchObject({ ok: true, total: { lines: 13, pending: 0 } });
      }, server);
    },
  );

  test('loads files and folders from elsewhere, plain and gzipped, below folders as well', async () => {
    await withPipeline(async pipeline => {
      await loadExample(pipeline);
      const place = join(pipeline.folder, 'old');
      mkdirSync(join(place, 'deep'), { recursive: true });
      const a = join(place, 'a.jsonl');
      const b = join(place, 'deep', 'b.jsonl.gz');
      const c = join(pipeline.folder, 'c.jsonl');
      writeFileSync(a, october(0, 100));
      // Two members, as `cat` makes of two archives; the other half is in the first file already.
      writeFileSync(b, Buffer.concat([gzipSync(october(50, 100)), gzipSync(october(100, 150))]));
      writeFileSync(c, october(0, 10, 'Sensor 9'));
      writeFileSync(join(place, 'notes.txt'), 'not ours');
      const { rows } = await pipeline.replay([place, c, c]);
      expect(rows).toMatchObject([
        { file: c, lines: 10, stored: 10, present: 0, conflicts: 0, rejected: 0 },
        { file: a, lines: 100, stored: 100, present: 0, conflicts: 0, rejected: 0 },
        { file: b, lines: 100, stored: 50, present: 50, conflicts: 0, rejected: 0 },
      ]);
      await pipeline.refresh();
      const [mean] = await pipeline.database.query(
        "SELECT n::int FROM gold.reading_1min_mean WHERE sensor_id = 'Sensor 3' AND bucket = '2025-10-01 00:02Z'",
      );
      expect(mean).toEqual({ n: 30 });
      expect((await pipeline.verify()).ok).toBe(true);

      const before = await pipeline.dump();
      await pipeline.replay([place, c]);
      await pipeline.refresh();
      expect(await pipeline.dump()).toEqual(before);
    }, server);
  });

  test('reads on where a file from elsewhere has grown', async () => {
    await withPipeline(async pipeline => {
      const file = join(pipeline.folder, 'grows.jsonl');
      writeFileSync(file, october(0, 10));
      await pipeline.replay([file]);
      appendFileSync(file, october(10, 15));
      const { rows } = await pipeline.replay([file]);
      expect(rows).toMatchObject([{ file, lines: 15, stored: 5, present: 10, conflicts: 0, rejected: 0 }]);
      const [entry] = await pipeline.database.query('SELECT lines::int, stored::int FROM bronze.raw_file');
      expect(entry).toEqual({ lines: 15, stored: 15 });
      await pipeline.refresh();
      expect((await pipeline.verify()).ok).toBe(true);
    }, server);
  });

  test('takes a last line without line end, also when the file grows behind it', async () => {
    await withPipeline(async pipeline => {
      const file = join(pipeline.folder, 'open.jsonl');
      writeFileSync(file, october(0, 3).trimEnd());
      const { rows } = await pipeline.replay([file]);
      expect(rows).toMatchObject([{ file, lines: 3, stored: 3, present: 0, conflicts: 0, rejected: 0 }]);
      await pipeline.refresh();
      expect(await pipeline.verify()).toMatchObject({ ok: true, total: { lines: 3, pending: 0 } });

      appendFileSync(file, `\n${october(3, 5)}`);
      const { rows: more } = await pipeline.replay([file]);
      expect(more).toMatchObject([{ file, lines: 5, stored: 2, present: 3, conflicts: 0, rejected: 0 }]);
      await pipeline.refresh();
      expect(await pipeline.verify()).toMatchObject({ ok: true, total: { lines: 5, pending: 0 } });
    }, server);
  });

  test('loads a file that took the name of another from its beginning, and keeps both on record', async () => {
    await withPipeline(async pipeline => {
      const file = join(pipeline.folder, 'weekly.jsonl');
      writeFileSync(file, october(0, 10));
      await pipeline.replay([file]);
      writeFileSync(file, october(100, 103));
      const { rows } = await pipeline.replay([file]);
      expect(rows).toMatchObject([{ file, lines: 3, stored: 3, present: 0, conflicts: 0, rejected: 0 }]);
      const ledger = await pipeline.database.query<{ path: string; lines: number }>(
        'SELECT path, lines::int FROM bronze.raw_file ORDER BY path',
      );
      expect(ledger).toEqual([
        { path: file, lines: 3 },
        { path: expect.stringMatching(/weekly\.jsonl \(replaced 20.*\)$/), lines: 10 },
      ]);
      const again = await pipeline.replay([file]);
      expect(again.rows[0]).toMatchObject({ stored: 0, present: 3 });
      const [silver] = await pipeline.database.query('SELECT count(*)::int FROM silver.sensor_reading');
      expect(silver.count).toBe(13);
    }, server);
  });

  test('leaves a torn last line of its own files to the collector, and an empty file alone', async () => {
    await withPipeline(async pipeline => {
      pipeline.record(reading('Sensor 1', '2025-11-12T10:15:01Z', 20));
      pipeline.write(FIRST, '{"id": "Sensor 1"');
      pipeline.write(SECOND, '');
      const empty = join(pipeline.folder, 'empty.jsonl');
      writeFileSync(empty, '');
      const none = { lines: 0, stored: 0, present: 0, conflicts: 0, rejected: 0 };
      const { rows, refused } = await pipeline.replay([pipeline.raw, empty]);
      expect(refused).toEqual([]);
      expect(rows).toMatchObject([
        { file: FIRST, ...none, lines: 1, stored: 1 },
        { file: SECOND, ...none },
        { file: empty, ...none },
      ]);
      await pipeline.refresh();
      expect((await pipeline.verify()).ok).toBe(true);
    }, server);
  });

  test('refuses what is no JSONL with file and line, loads nothing of it, and goes on with the others', async () => {
    await withPipeline(async pipeline => {
      const place = join(pipeline.folder, 'mixed');
      mkdirSync(place);
      const write = (name: string, bytes: string | Buffer) => writeFileSync(join(place, name), bytes);
      write('a-good.jsonl', october(0, 5));
      write('b-text.jsonl', `${october(10, 12)}\nnot JSON at all\n`);
      write('c-torn.jsonl', october(20, 25).slice(0, -20));
      write('d-cut.jsonl.gz', gzipSync(Buffer.from(october(30, 2030))).subarray(0, -100));
      write('e-plain.jsonl.gz', october(40, 45));
      write('f-zip.jsonl', gzipSync(october(50, 55)));
      write(
        'g-latin.jsonl',
        Buffer.concat([Buffer.from(october(60, 62)), Buffer.from('{"id": "\xfc"}\n', 'latin1')]),
      );
      write('h-good.jsonl', `${october(70, 72)}{"id": "Sensor 3"}\n`);
      const { rows, refused } = await pipeline.replay([place]);
      expect(rows).toMatchObject([
        { file: join(place, 'a-good.jsonl'), lines: 5, stored: 5, present: 0, conflicts: 0, rejected: 0 },
        { file: join(place, 'h-good.jsonl'), lines: 3, stored: 2, present: 0, conflicts: 0, rejected: 1 },
      ]);
      expect(refused).toEqual([
        expect.stringMatching(/b-text\.jsonl:3: is not JSON; nothing of this file is loaded$/),
        expect.stringMatching(/c-torn\.jsonl:5: is not JSON; nothing/),
        expect.stringMatching(/d-cut\.jsonl\.gz:\d+: .+; nothing/),
        expect.stringMatching(/e-plain\.jsonl\.gz:1: .+; nothing/),
        expect.stringMatching(/f-zip\.jsonl:1: is not UTF-8; nothing/),
        expect.stringMatching(/g-latin\.jsonl:3: is not UTF-8; nothing/),
      ]);
      const [silver] = await pipeline.database.query('SELECT count(*)::int FROM silver.sensor_reading');
      expect(silver.count).toBe(7);
      const ledger = await pipeline.database.query('SELECT path FROM bronze.raw_file ORDER BY path');
      expect(ledger.map(({ path }) => path)).toEqual([
        join(place, 'a-good.jsonl'),
        join(place, 'h-good.jsonl'),
      ]);
    }, server);
  });

  test('a dry run changes nothing, and says what a replay then does', async () => {
    await withPipeline(async pipeline => {
      await loadExample(pipeline);
      await pipeline.database.query("DELETE FROM silver.sensor_reading WHERE time = '2025-11-12 10:15:01Z'");
      pipeline.record(
        reading('Sensor 1', '2025-11-12T10:15:02Z', 97),
        reading('Sensor 4', '2025-11-12T10:15:02Z', 20),
        reading('Sensor 4', '2025-11-12T10:15:02Z', 21),
        reading('Sensor 4', '2025-11-12T10:15:02Z', 20),
      );
      pipeline.write(SECOND, '[]\n');
      const foreign = join(pipeline.folder, 'foreign.jsonl.gz');
      writeFileSync(foreign, gzipSync(october(0, 50) + october(40, 60)));
      const broken = join(pipeline.folder, 'broken.jsonl');
      writeFileSync(broken, 'x');

      const places = [pipeline.raw, foreign, broken];
      const before = await pipeline.dump();
      const dry = await pipeline.replay(places, { dryRun: true });
      expect(await pipeline.dump()).toEqual(before);
      const real = await pipeline.replay(places);
      expect(dry).toEqual(real);
      expect(real.rows).toMatchObject([
        { file: FIRST, lines: 8, stored: 1, present: 4, conflicts: 2, rejected: 1 },
        { file: SECOND, stored: 1, rejected: 1 },
        { file: '2025-11-12_Sensor_4.jsonl', lines: 3, stored: 1, present: 1, conflicts: 1 },
        { file: OTHER_DAY, present: 1 },
        { file: foreign, lines: 70, stored: 60, present: 10 },
      ]);
    }, server);
  });

  test('a dry run counts once what several files hold', async () => {
    await withPipeline(async pipeline => {
      const place = join(pipeline.folder, 'twice');
      mkdirSync(place);
      writeFileSync(join(place, 'a.jsonl'), october(0, 10));
      writeFileSync(join(place, 'b.jsonl'), october(5, 15));
      const dry = await pipeline.replay([place], { dryRun: true });
      expect(dry).toEqual(await pipeline.replay([place]));
    }, server);
  });
});

test('the command line prints a row a file, refreshes the means, and ends with 1 when it refused one', async () => {
  await withPipeline(async pipeline => {
    await loadExample(pipeline);
    const before = await pipeline.dump();
    await pipeline.database.query('TRUNCATE silver.sensor_reading; TRUNCATE gold.reading_1min_mean');
    const dry = await pipeline.sluice(['replay', '--dry-run']);
    expect(dry).toMatchObject({ code: 0, stderr: '' });
    expect(dry.stdout).toMatch(/dry run/);
    const done = await pipeline.sluice(['replay']);
    expect(done).toMatchObject({ code: 0, stderr: '' });
    // A line each for the heading, the files and their sum.
    expect(done.stdout.split('\n').slice(1, 5)).toEqual(dry.stdout.split('\n').slice(1, 5));
    expect(done.stdout).toMatch(/^3 files +9 +6 +1 +1 +1\n4 minutes refreshed\.$/m);
    expect(await pipeline.dump()).toEqual(before);

    const broken = join(pipeline.folder, 'broken.jsonl');
    writeFileSync(broken, `${october(0, 2)}[1,\n`);
    const good = join(pipeline.folder, 'good.jsonl');
    writeFileSync(good, october(0, 2));
    const refused = await pipeline.sluice(['replay', broken, good]);
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain(`${broken}:3: is not JSON; nothing of this file is loaded\n`);
    expect(refused.stdout).toMatch(/^1 file +2 +2 +0 +0 +0$/m);
    expect(readdirSync(pipeline.raw)).toHaveLength(3);
    expect(readFileSync(good, 'utf8')).toBe(october(0, 2));
  });
});
