import { appendFileSync, existsSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { reading } from '../../commands/verify/pipeline.ts';
import { databaseServers } from '../../harness/database.ts';
import { sizesOf } from '../../harness/lines.ts';
import { textOf, withHouse } from './house.ts';

const OLD = '2025-11-03_Sensor_1.jsonl';
const YOUNG = '2025-11-10_Sensor_1.jsonl';
const old = (second: number, value = second) =>
  reading('Sensor 1', `2025-11-03T10:15:${second + 10}Z`, value);
const young = reading('Sensor 1', '2025-11-10T10:15:01Z', 20);
const BEFORE = '2025-11-05';

describe.each(databaseServers())('raw files on $name', server => {
  test('those of days that are over are compressed once they are loaded; verify and replay read them', async () => {
    await withHouse(async house => {
      await house.record(old(1), old(2), young, old(3), reading('Sensor 1', '2025-11-03T10:15:19Z', 'warm'));
      expect(await house.compress(BEFORE)).toBe(0);
      await house.load();
      expect(await house.compress(BEFORE)).toBe(1);
      expect(await house.names()).toEqual([`${OLD}.gz`, '2025-11-03_Sensor_1.late', YOUNG]);
      expect(await house.compress(BEFORE)).toBe(0);
      expect(await house.pipeline.verify()).toMatchObject({
        ok: true,
        total: { files: 2, lines: 5, pending: 0 },
      });
      await house.pipeline.database.query('DELETE FROM silver.sensor_reading');
      expect(await house.pipeline.verify()).toMatchObject({ ok: false });
      expect((await house.pipeline.replay()).rows).toMatchObject([
        { file: OLD, lines: 4, stored: 3, rejected: 1 },
        { file: YOUNG, lines: 1, stored: 1 },
      ]);
      await house.pipeline.refresh();
      expect(await house.pipeline.verify()).toMatchObject({ ok: true });
    }, server);
  });

  test('a late reading reopens the day: nothing is lost, and the offsets go on', async () => {
    await withHouse(async house => {
      await house.record(old(1), young);
      await house.load();
      await house.compress(BEFORE);
      await house.record(old(2));
      expect(await house.names()).toContain(OLD);
      expect(existsSync(join(house.pipeline.raw, `${OLD}.gz`))).toBe(false);
      expect(await textOf(house.pipeline.raw, OLD)).toBe(`${old(1)}\n${old(2)}\n`);
      expect(await house.compress(BEFORE)).toBe(0);
      await house.load();
      expect(
        await house.pipeline.database.query(
          'SELECT path, lines::int, stored::int FROM bronze.raw_file ORDER BY 1',
        ),
      ).toEqual([
        { path: OLD, lines: 2, stored: 2 },
        { path: YOUNG, lines: 1, stored: 1 },
      ]);
      expect(await house.compress(BEFORE)).toBe(1);
      await house.restart();
      await house.record(old(3));
      await house.load();
      expect(await house.pipeline.verify()).toMatchObject({ ok: true, total: { lines: 4, stored: 4 } });
    }, server);
  });

  test('after a restart compressed files count as loaded', async () => {
    await withHouse(async house => {
      await house.record(old(1), old(2), young);
      await house.load();
      await house.compress(BEFORE);
      await house.restart();
      expect(await sizesOf(house.recorder)).toEqual(
        new Map([
          [OLD, `${old(1)}\n${old(2)}\n`.length],
          [YOUNG, young.length + 1],
        ]),
      );
      await house.load();
      expect(await house.names()).toContain(`${OLD}.gz`);
      expect(await house.pipeline.verify()).toMatchObject({ ok: true });
    }, server);
  });

  test('a database without the rows of compressed files gets them from there, and they stay compressed', async () => {
    await withHouse(async house => {
      const lines = Array.from({ length: 40 }, (_, n) =>
        reading('Sensor 1', `2025-11-03T10:${n + 10}:01Z`, n),
      );
      const others = lines.map(line => line.replace('Sensor 1', 'Sensor 2'));
      await house.record(...lines.slice(0, 20), ...others.slice(0, 20));
      await house.load();
      const { database } = house.pipeline;
      // A dump that was made here is restored below.
      await database.query(
        'CREATE TABLE dump AS TABLE bronze.raw_file; CREATE TABLE rows AS TABLE silver.sensor_reading',
      );
      await house.record(...lines.slice(20), ...others.slice(20));
      await house.load();
      expect(await house.compress(BEFORE)).toBe(2);
      await database.query(
        `TRUNCATE bronze.raw_file, silver.sensor_reading, gold.reading_1min_mean CASCADE;
         INSERT INTO bronze.raw_file TABLE dump; INSERT INTO silver.sensor_reading TABLE rows`,
      );
      await house.load();
      expect(await database.query('SELECT count(*)::int AS n FROM silver.sensor_reading')).toEqual([
        { n: 80 },
      ]);
      expect(await house.names()).toEqual([`${OLD}.gz`, '2025-11-03_Sensor_2.jsonl.gz']);
      expect(await house.pipeline.replay()).toMatchObject({ rows: [{ present: 40 }, { present: 40 }] });
      await house.pipeline.refresh();
      expect(await house.pipeline.verify()).toMatchObject({ ok: true, total: { lines: 80, stored: 80 } });
    }, server);
  });
});

test('what was appended while the file was compressed is in the file that stays', async () => {
  await withHouse(async house => {
    await house.record(old(1));
    await house.load();
    const { exchange } = house.recorder;
    // The compressed form is ready, and a late reading comes before the exchange.
    house.recorder.exchange = async (files, change) => {
      await house.record(old(2));
      return exchange.call(house.recorder, files, change);
    };
    expect(await house.compress(BEFORE)).toBe(0);
    expect(await house.names()).toEqual([OLD]);
    expect(await textOf(house.pipeline.raw, OLD)).toBe(`${old(1)}\n${old(2)}\n`);
  });
});

test('a file that is not the one that was loaded under its name is left alone', async () => {
  await withHouse(async house => {
    await house.record(old(1));
    await house.load();
    writeFileSync(join(house.pipeline.raw, OLD), `${old(1).replace('Sensor 1', 'Sensor 9')}\n`);
    expect(await house.compress(BEFORE)).toBe(0);
    expect(await house.remove(BEFORE)).toBe(0);
    expect(await house.names()).toEqual([OLD]);
  });
});

test('a file with two forms is left alone, and the plain one counts', async () => {
  await withHouse(async house => {
    await house.record(old(1));
    await house.load();
    writeFileSync(
      join(house.pipeline.raw, `${OLD}.gz`),
      gzipSync('{"id":"Sensor 1","dt":"2025-11-03","value":9}\n'),
    );
    expect(await house.compress(BEFORE)).toBe(0);
    expect(await house.remove(BEFORE)).toBe(0);
    await house.restart();
    expect(await house.names()).toEqual([OLD, `${OLD}.gz`]);
    expect(await house.pipeline.verify()).toMatchObject({ ok: true });
    expect((await house.pipeline.replay()).rows).toMatchObject([{ file: OLD, present: 1 }]);
  });
});

test('a file that somebody has compressed by hand is a file like the others', async () => {
  await withHouse(async house => {
    await house.record(old(1), young);
    await house.recorder.stop();
    const path = join(house.pipeline.raw, OLD);
    writeFileSync(`${path}.gz`, gzipSync(`${old(1)}\n`));
    renameSync(path, join(house.pipeline.folder, 'elsewhere'));
    await house.restart();
    await house.load();
    await house.record(old(2));
    await house.load();
    expect(await house.names()).toContain(OLD);
    expect(await house.pipeline.verify()).toMatchObject({ ok: true, total: { stored: 3 } });
  });
});

test('a compressed file that is damaged stops neither recording nor loading of the others', async () => {
  await withHouse(async house => {
    await house.record(old(1), young, reading('Sensor 2', '2025-11-03T10:15:01Z', 1));
    await house.load();
    expect(await house.compress(BEFORE)).toBe(2);
    truncateSync(join(house.pipeline.raw, `${OLD}.gz`), 40);
    await house.pipeline.database.query('TRUNCATE bronze.raw_file CASCADE');
    await house.restart();
    await house.load();
    expect(await house.pipeline.database.query('SELECT path FROM bronze.raw_file ORDER BY 1')).toEqual([
      { path: '2025-11-03_Sensor_2.jsonl' },
      { path: YOUNG },
    ]);
    await house.record(old(2));
    await house.load();
    expect(await readdir(house.pipeline.raw)).toContain(`${OLD}.gz.damaged`);
    expect(await textOf(house.pipeline.raw, OLD)).toBe(`${old(2)}\n`);
  });
});

test('a torn line that a crash left behind is cut, and does not end up in the compressed form', async () => {
  await withHouse(async house => {
    await house.record(old(1));
    await house.load();
    appendFileSync(join(house.pipeline.raw, OLD), '{"id":"Sen');
    expect(await house.compress(BEFORE)).toBe(0);
    await house.restart();
    expect(await house.compress(BEFORE)).toBe(1);
    expect(await textOf(house.pipeline.raw, OLD)).toBe(`${old(1)}\n`);
  });
});
