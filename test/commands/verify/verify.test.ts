import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Counters, emptyCounters } from '../../../collector/silver/counters.ts';
import type { Report } from '../../../commands/verify/report.ts';
import { databaseServers } from '../../harness/database.ts';
import { FIRST, loadExample, OTHER_DAY, SECOND } from './example.ts';
import { reading, withPipeline } from './pipeline.ts';

const whats = ({ differences }: Report) => differences.first.map(({ what }) => what);

/** The counters of plain messages. */
const counts = (lines: number, some: Partial<Counters>): Counters => {
  const readings = lines - (some.rejected ?? 0);
  return { ...emptyCounters(), lines, understood: readings, readings, ...some };
};

describe.each(databaseServers())('verify on $name', server => {
  test('finds nothing in what was just loaded, and counts each file and all of them', async () => {
    await withPipeline(async pipeline => {
      await loadExample(pipeline);
      pipeline.record(reading('Sensor 1', '2025-11-12T10:17:00Z', 22));
      pipeline.write(FIRST, '{"id": "Sensor 1", "dt": "2025-11-12T10:1');
      const report = await pipeline.verify();
      expect(report).toEqual({
        ok: true,
        files: [
          { file: FIRST, ...counts(7, { stored: 4, duplicates: 1, conflicts: 1, rejected: 1 }), pending: 1 },
          { file: SECOND, ...counts(1, { stored: 1 }), pending: 0 },
          { file: OTHER_DAY, ...counts(1, { stored: 1 }), pending: 0 },
        ],
        total: {
          files: 3,
          ...counts(9, { stored: 6, duplicates: 1, conflicts: 1, rejected: 1 }),
          pending: 1,
        },
        staleMinutes: 0,
        remapped: 0,
        retired: {
          removed: { files: 0, lines: 0 },
          forgotten: { files: 0, lines: 0, before: null },
        },
        idle: [{ dataDir: pipeline.dataDir, pending: 1 }],
        unchecked: [],
        differences: { count: 0, first: [] },
      });
    }, server);
  });

  test('has nothing to say of an empty folder and an empty database', async () => {
    await withPipeline(async pipeline => {
      const report = await pipeline.verify();
      expect(report).toMatchObject({ ok: true, files: [], total: { files: 0, lines: 0 } });
    }, server);
  });

  test('does not hold gold to minutes that wait for a refresh', async () => {
    await withPipeline(async pipeline => {
      pipeline.record(
        reading('Sensor 1', '2025-11-12T10:15:01Z', 20),
        reading('Sensor 1', '2025-11-12T10:15:02Z', 21),
        reading('Sensor 1', '2025-11-12T10:16:02Z', 21),
      );
      await pipeline.load();
      expect(await pipeline.verify()).toMatchObject({ ok: true, staleMinutes: 2 });
      await pipeline.refresh();
      expect(await pipeline.verify()).toMatchObject({ ok: true, staleMinutes: 0 });
    }, server);
  });

  test('is not stopped by values whose squares no double can hold', async () => {
    await withPipeline(async pipeline => {
      await pipeline.database.query(
        "INSERT INTO silver.sensor (sensor_id, quantity, unit) VALUES ('Any', 'q', 'u')",
      );
      pipeline.record(
        reading('Any', '2025-11-12T10:15:01Z', 1e200),
        reading('Any', '2025-11-12T10:15:02Z', -1e200),
        reading('Sensor 1', '2025-11-12T10:15:02Z', 20),
      );
      await pipeline.load();
      await pipeline.refresh();
      expect(await pipeline.verify()).toMatchObject({ ok: true, staleMinutes: 0, total: { stored: 3 } });
    }, server);
  });

  test('keeps to a date and to a sensor, in what it counts and in what it finds', async () => {
    await withPipeline(async pipeline => {
      await loadExample(pipeline);
      const files = async (scope: { date?: string; sensor?: string }) =>
        (await pipeline.verify(scope)).files.map(({ file }) => file);
      expect(await files({ date: '2025-11-12' })).toEqual([FIRST, SECOND]);
      expect(await files({ sensor: 'Sensor 1' })).toEqual([FIRST, OTHER_DAY]);
      expect(await files({ date: '2025-11-13', sensor: 'Sensor 1' })).toEqual([OTHER_DAY]);
      expect(await files({ date: '2025-11-13', sensor: 'Sensor 2' })).toEqual([]);

      // One damage in each of silver, gold and the ledger, in three different scopes.
      await pipeline.database.query(
        `INSERT INTO silver.sensor_reading VALUES ('2025-11-14 00:00:00Z', 'Sensor 9', 1, 'unknown_sensor')`,
      );
      await pipeline.database.query(
        `UPDATE gold.reading_1min_mean SET val_max = 1 WHERE sensor_id = 'Sensor 2'`,
      );
      await pipeline.database.query(
        `UPDATE bronze.raw_file SET stored = 3, duplicates = 2 WHERE path = '${FIRST}'`,
      );
      const counts = async (scope: { date?: string; sensor?: string }) =>
        (await pipeline.verify(scope)).differences.count;
      // The row lacks a line and the quality of its minute, and its sensor was never seen; the mean is not that of silver, and its hour not that of the mean.
      expect(await counts({})).toBe(6);
      expect(await counts({ date: '2025-11-12' })).toBe(3);
      expect(await counts({ date: '2025-11-13' })).toBe(0);
      expect(await counts({ date: '2025-11-14' })).toBe(3);
      expect(await counts({ sensor: 'Sensor 1' })).toBe(1);
      expect(await counts({ sensor: 'Sensor 2' })).toBe(2);
      expect(await counts({ sensor: 'Sensor 9' })).toBe(3);
      expect(await counts({ date: '2025-11-14', sensor: 'Sensor 2' })).toBe(0);
    }, server);
  });

  test('is not misled by sensors whose names only look alike', async () => {
    await withPipeline(async pipeline => {
      const ids = ['Sensor 1', 'Sensor_1', 'sensor 1', 'Sensor 10', 'Sensor 1.jsonl', '\\N', '../x', 'ß/%'];
      for (const id of ids) pipeline.record(reading(id, '2025-11-12T10:15:01Z', id.length));
      await pipeline.load();
      await pipeline.refresh();
      expect(await pipeline.verify()).toMatchObject({ ok: true, total: { files: ids.length, stored: 8 } });
      for (const sensor of ids) {
        const own = await pipeline.verify({ sensor });
        expect(own.ok, sensor).toBe(true);
        await pipeline.database.query('DELETE FROM silver.sensor_reading WHERE sensor_id = $1', [sensor]);
        expect(whats(await pipeline.verify({ sensor }))[0]).toContain(`reading of ${sensor} at`);
      }
    }, server);
  });

  test('bears with the rows of another collector, and still finds what is wrong with its own', async () => {
    await withPipeline(async pipeline => {
      await loadExample(pipeline);
      await pipeline.database.query(
        `INSERT INTO bronze.raw_file (collector, path, bytes, lines, understood, readings, stored) VALUES ('other', '${OTHER_DAY}', 100, 2, 2, 2, 2)`,
      );
      await pipeline.database.query(
        `INSERT INTO silver.sensor_reading VALUES
           ('2025-11-13 00:00:01Z', 'Sensor 1', 50, 'out_of_range'), ('2025-11-13 00:00:02Z', 'Sensor 7', 50, 'unknown_sensor')`,
      );
      await pipeline.database.query(
        `INSERT INTO sluice.stale_minute VALUES ('2025-11-13 00:00Z', 'Sensor 1'), ('2025-11-13 00:00Z', 'Sensor 7')`,
      );
      await pipeline.database.query(`INSERT INTO silver.seen_sensor VALUES ('Sensor 7')`);
      await pipeline.refresh();
      expect(await pipeline.verify()).toMatchObject({ ok: false, unchecked: [{ collector: 'other' }] });
      const mine = { onlyMine: true };
      expect(await pipeline.verify(mine)).toMatchObject({ ok: true, total: { files: 3, stored: 6 } });
      await pipeline.database.query(
        "DELETE FROM silver.sensor_reading WHERE time = '2025-11-12 10:16:30.000001Z'",
      );
      expect((await pipeline.verify()).differences.first[0]).toMatchObject({ file: FIRST, line: 7 });
    }, server);
  });

  test('takes files that were replayed from elsewhere as an explanation, and looks into them', async () => {
    await withPipeline(async pipeline => {
      await loadExample(pipeline);
      const foreign = join(pipeline.folder, 'foreign.jsonl');
      // Readings of known and unknown partitions, a duplicate and a conflict with our own files; no last line end.
      pipeline.write(
        foreign,
        [
          reading('Sensor 1', '2025-11-12T10:15:50Z', 30),
          reading('Sensor 8', '2025-10-01T00:00:00Z', 1),
          reading('Sensor 2', '2025-11-12T10:15:01Z', 1e-7),
          reading('Sensor 1', '2025-11-13T00:00:00Z', 26),
        ].join('\n'),
      );
      await pipeline.replay([foreign]);
      await pipeline.refresh();
      const report = await pipeline.verify();
      expect(report.differences).toEqual({ count: 0, first: [] });
      const explained = report.files.find(({ file }) => file === foreign);
      expect(explained).toMatchObject({ lines: 4, conflicts: 1, rejected: 0, pending: 0 });
      expect((await pipeline.verify({ date: '2025-11-12' })).ok).toBe(true);
      expect((await pipeline.verify({ sensor: 'Sensor 8' })).ok).toBe(true);

      appendFileSync(foreign, `\n${reading('Sensor 8', '2025-10-01T00:00:01Z', 1)}\n`);
      expect(await pipeline.verify()).toMatchObject({ ok: true, total: { pending: 1 } });
      await pipeline.database.query("DELETE FROM silver.sensor_reading WHERE sensor_id = 'Sensor 8'");
      expect((await pipeline.verify()).differences.first[0]).toMatchObject({ file: foreign, line: 2 });
    }, server);
  });
});

test('the command line says the same as text and as JSON, and by its exit status', async () => {
  await withPipeline(async pipeline => {
    await loadExample(pipeline);
    const clean = await pipeline.sluice(['verify']);
    expect(clean).toMatchObject({ code: 0, stderr: '' });
    expect(clean.stdout).toMatch(
      /^2025-11-12_Sensor_1.jsonl +7 +6 +4 +1 +1 +0 +1 +0\n.*\n.*\n3 files +9 +8 +6 +1 +1 +0 +1 +0\n/m,
    );
    expect(clean.stdout).toMatch(/Every loaded line is accounted for/);

    await pipeline.database.query(
      "DELETE FROM silver.sensor_reading WHERE time = '2025-11-12 10:16:30.000001Z'",
    );
    const damaged = await pipeline.sluice(['verify']);
    expect(damaged.code).toBe(1);
    expect(damaged.stdout).toMatch(
      /3 differences\. The first:\n {2}2025-11-12_Sensor_1\.jsonl:7: reading of/,
    );

    const json = await pipeline.sluice(['verify', '--json']);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toEqual(await pipeline.verify());
    const scoped = await pipeline.sluice([
      'verify',
      '--date',
      '2025-11-13',
      '--sensor',
      'Sensor 1',
      '--json',
    ]);
    expect(scoped.code).toBe(0);
    expect(JSON.parse(scoped.stdout).files).toMatchObject([{ file: OTHER_DAY, lines: 1 }]);
  });
});
