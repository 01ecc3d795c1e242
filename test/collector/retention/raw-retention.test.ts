import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { reportText } from '../../../commands/verify/report.ts';
import { reading } from '../../commands/verify/pipeline.ts';
import { databaseServers } from '../../harness/database.ts';
import { sizesOf } from '../../harness/lines.ts';
import { withHouse } from './house.ts';

const OLD = '2025-11-03_Sensor_1.jsonl';
const SECOND = '2025-11-03_Sensor_2.jsonl';
const YOUNG = '2025-11-10_Sensor_1.jsonl';
const old = (second: number) => reading('Sensor 1', `2025-11-03T10:15:${second + 10}Z`, second);
const second = reading('Sensor 2', '2025-11-03T10:15:01Z', 20);
const young = reading('Sensor 1', '2025-11-10T10:15:01Z', 20);
const BEFORE = '2025-11-05';

describe.each(databaseServers())('old raw files on $name', server => {
  test('they are removed, plain and compressed, with their marks; the ledger says so, and verify finds nothing amiss', async () => {
    await withHouse(async house => {
      await house.record(young, old(1), old(2), second);
      await house.load();
      await house.compress(BEFORE);
      await house.record(second);
      await house.load();
      expect(await house.names()).toEqual([`${OLD}.gz`, '2025-11-03_Sensor_1.late', SECOND, YOUNG]);
      expect(await house.remove(BEFORE)).toBe(2);
      expect(await house.names()).toEqual([YOUNG]);
      expect([...(await sizesOf(house.recorder)).keys()]).toEqual([YOUNG]);
      const report = await house.pipeline.verify();
      expect(report).toMatchObject({
        ok: true,
        total: { files: 1, lines: 1 },
        retired: { removed: { files: 2, lines: 4 } },
      });
      expect(reportText(report)).toContain(
        '2 more files were removed as too old (RAW_RETENTION_DAYS), with 4 loaded lines.',
      );
      expect(await house.pipeline.verify({ date: '2025-11-03' })).toMatchObject({
        ok: true,
        total: { files: 0 },
      });
      expect(await house.remove(BEFORE)).toBe(0);
    }, server);
  });

  test('rows that the removed lines brought are still counted: verify tells when one is lost, and when one is added', async () => {
    await withHouse(async house => {
      await house.record(old(1), old(2), young);
      await house.load();
      await house.remove(BEFORE);
      const { database } = house.pipeline;
      await database.query("DELETE FROM silver.sensor_reading WHERE time = '2025-11-03T10:15:11Z'");
      await database.query(
        "INSERT INTO sluice.stale_minute SELECT DISTINCT date_trunc('minute', time, 'UTC'), sensor_id FROM silver.sensor_reading",
      );
      await house.pipeline.refresh();
      expect((await house.pipeline.verify()).differences).toMatchObject({
        count: 1,
        first: [
          {
            file: OLD,
            what: expect.stringContaining('2 of its lines were stored, and silver has 1 readings'),
          },
        ],
      });
    }, server);
  });

  test('a late reading makes a file of that name anew, loaded from its beginning', async () => {
    await withHouse(async house => {
      await house.record(young, old(1), old(2));
      await house.load();
      await house.remove(BEFORE);
      await house.record(old(3));
      await house.load();
      expect(
        await house.pipeline.database.query(
          'SELECT path, lines::int, removed_at IS NULL AS there FROM bronze.raw_file ORDER BY path',
        ),
      ).toEqual([
        { path: OLD, lines: 1, there: true },
        { path: expect.stringMatching(/^2025-11-03_Sensor_1\.jsonl \(removed 2/), lines: 2, there: false },
        { path: YOUNG, lines: 1, there: true },
      ]);
      expect(await house.pipeline.verify()).toMatchObject({
        ok: true,
        retired: { removed: { files: 1, lines: 2 } },
      });
      expect(
        await house.pipeline.database.query('SELECT late FROM silver.sensor_reading ORDER BY time'),
      ).toEqual([{ late: true }, { late: true }, { late: true }, { late: false }]);
      // The day is marked late again, and goes again.
      expect(await house.names()).toContain('2025-11-03_Sensor_1.late');
      expect(await house.remove(BEFORE)).toBe(1);
      expect(await house.pipeline.verify()).toMatchObject({
        ok: true,
        retired: { removed: { files: 2, lines: 3 } },
      });
    }, server);
  });

  test('a file that begins as the removed one did is loaded from its beginning all the same', async () => {
    await withHouse(async house => {
      await house.record(old(1), old(2), young);
      await house.load();
      await house.remove(BEFORE);
      // A device sends its day again: one reading that is known, others that are not.
      await house.record(old(1), old(4), old(5), old(6));
      await house.load();
      expect(
        await house.pipeline.database.query(
          "SELECT count(*)::int AS n FROM silver.sensor_reading WHERE time < '2025-11-05Z'",
        ),
      ).toEqual([{ n: 5 }]);
      expect(await house.pipeline.verify()).toMatchObject({ ok: true });
    }, server);
  });
});

test('what is not loaded to its last byte stays', async () => {
  await withHouse(async house => {
    await house.record(old(1));
    await house.load();
    await house.record(old(2), second);
    expect(await house.remove(BEFORE)).toBe(0);
    expect(await house.names()).toEqual([OLD, SECOND]);
    expect(await house.pipeline.database.query('SELECT removed_at FROM bronze.raw_file')).toEqual([
      { removed_at: null },
    ]);
  });
});

test('a file that grows in the last moment stays, and the ledger takes back what it said', async () => {
  await withHouse(async house => {
    await house.record(old(1), second);
    await house.load();
    const { exchange } = house.recorder;
    house.recorder.exchange = async (files, change) => {
      await house.record(old(2));
      return exchange.call(house.recorder, files, change);
    };
    expect(await house.remove(BEFORE)).toBe(1);
    expect(await house.names()).toEqual([OLD]);
    await house.load();
    expect(await house.pipeline.verify()).toMatchObject({ ok: true, total: { stored: 2 } });
    expect(
      await house.pipeline.database.query('SELECT path FROM bronze.raw_file WHERE removed_at IS NOT NULL'),
    ).toEqual([{ path: SECOND }]);
  });
});

test('a SIGKILL between the ledger and the folder: the next night removes what is left', async () => {
  await withHouse(async house => {
    await house.record(old(1), second);
    await house.load();
    await house.pipeline.database.query('UPDATE bronze.raw_file SET removed_at = now()');
    rmSync(join(house.pipeline.raw, SECOND));
    await house.restart();
    await house.load();
    expect(await house.pipeline.verify()).toMatchObject({
      ok: true,
      total: { files: 1 },
      retired: { removed: { files: 1 } },
    });
    expect(await house.remove(BEFORE)).toBe(1);
    expect(await house.names()).toEqual([]);
    expect(await house.pipeline.verify()).toMatchObject({ ok: true, retired: { removed: { files: 2 } } });
  });
});

test('a file that was deleted by hand is told as gone', async () => {
  await withHouse(async house => {
    await house.record(old(1), second, young);
    await house.load();
    rmSync(join(house.pipeline.raw, SECOND));
    await house.remove(BEFORE);
    const report = await house.pipeline.verify();
    expect(report.retired.removed).toEqual({ files: 1, lines: 1 });
    expect(report.differences.first).toEqual([
      { kind: 'missing_file', file: SECOND, what: 'the file is gone; bronze.raw_file counts 1 lines in it' },
      { kind: 'unexplained_reading', what: expect.stringContaining('row of Sensor 2 at 2025-11-03') },
    ]);
  });
});

test('rejected messages that came before go as well, whatever else lies there stays', async () => {
  await withHouse(async house => {
    const folder = join(house.pipeline.dataDir, 'rejected');
    for (const name of ['2025-11-04.jsonl', '2025-11-05.jsonl', 'notes.txt'])
      writeFileSync(join(folder, name), '{}\n');
    await house.record('gibberish');
    await house.remove(BEFORE);
    expect((await readdir(folder)).sort()).toEqual(['2025-11-05.jsonl', '2025-11-12.jsonl', 'notes.txt']);
    await house.remove('2025-11-13');
    await house.record('more gibberish');
    expect((await readdir(folder)).sort()).toEqual(['2025-11-12.jsonl', 'notes.txt']);
  });
});

test('a file that holds bytes which do not count is not touched', async () => {
  await withHouse(async house => {
    await house.record(old(1));
    await house.load();
    const { exchange } = house.recorder;
    house.recorder.exchange = (files, change) =>
      exchange.call(house.recorder, files, async whole => {
        appendFileSync(join(house.pipeline.raw, OLD), 'torn');
        return change(whole);
      });
    expect(await house.remove(BEFORE)).toBe(0);
    expect(await house.names()).toEqual([OLD]);
  });
});
