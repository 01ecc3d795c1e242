import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { reportText } from '../../../commands/verify/report.ts';
import { reading } from '../../commands/verify/pipeline.ts';
import { databaseServers } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { sizesOf } from '../../harness/lines.ts';
import { userOf } from '../../harness/user.ts';
import { type House, withHouse } from './house.ts';

const BEFORE = '2025-11-05';
const old = (second: number, value: unknown = second) =>
  reading('Sensor 1', `2025-11-03T10:15:${second + 10}Z`, value);
const young = [
  reading('Sensor 1', '2025-11-05T00:00:00Z', 20),
  reading('Sensor 1', '2025-11-10T10:15:01Z', 20),
];
/** A day of which silver keeps nothing, with all that can become of a line, and days that stay. */
const lines = [
  old(1),
  old(2),
  old(2),
  old(2, 7),
  old(3, 'warm'),
  reading('Stranger', '2025-11-04T23:59:59.999999Z', 1),
  ...young,
];

const gold = ['reading_1min_mean', 'hourly_mean', 'daily_mean', 'data_quality_1min', 'data_quality_daily'];
async function goldOf({ pipeline: { database } }: House): Promise<unknown[]> {
  // Without the minute in which this test runs.
  return Promise.all(
    gold.map(table =>
      database.query(
        `SELECT * FROM (SELECT to_jsonb(g)->>'bucket' AS at, g.* FROM gold.${table} g) d
         WHERE at < '2025-12' ORDER BY at, sensor_id`,
      ),
    ),
  );
}
const count = async ({ pipeline: { database } }: House, table: string) =>
  (await database.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`))[0]!.n;

describe.each(databaseServers())('retention of silver on $name', server => {
  test('readings of old days go, with what belongs to them; gold stays, and verify finds nothing amiss', async () => {
    await withHouse(async house => {
      await house.record(...lines);
      await house.load();
      const before = await goldOf(house);
      const forgotten = await house.forget(BEFORE);
      // On TimescaleDB the readings go by chunks.
      if (server.name === 'PostgreSQL') expect(forgotten).toEqual({ rows: 6, chunks: 0 });
      else expect(forgotten).toEqual({ rows: 3, chunks: 2 });
      expect(
        await house.pipeline.database.query('SELECT time FROM silver.sensor_reading ORDER BY 1'),
      ).toEqual([{ time: new Date('2025-11-05T00:00:00Z') }, { time: new Date('2025-11-10T10:15:01Z') }]);
      for (const table of ['conflicting_reading', 'rejected_line', 'duplicate_minute'])
        expect(await count(house, `silver.${table}`)).toBe(0);
      await house.pipeline.refresh();
      expect(await goldOf(house)).toEqual(before);
      const report = await house.pipeline.verify();
      expect(report).toMatchObject({
        ok: true,
        total: { lines: 8, stored: 5, duplicates: 1, conflicts: 1, rejected: 1 },
        retired: { forgotten: { files: 2, lines: 6, before: BEFORE } },
      });
      expect(reportText(report)).toContain('6 lines in 2 files are of days before 2025-11-05');
      expect(await house.forget(BEFORE)).toEqual({ rows: 0, chunks: 0 });
    }, server);
  });

  test('replay does not bring them back, and says how many it skipped', async () => {
    await withHouse(async house => {
      await house.record(...lines);
      await house.load();
      await house.forget(BEFORE);
      const dump = await house.pipeline.dump();
      const dry = await house.pipeline.sluice(['replay', '--dry-run']);
      const done = await house.pipeline.sluice(['replay']);
      for (const { code, stdout } of [dry, done]) {
        expect(code).toBe(0);
        expect(stdout).toContain(
          '6 lines were skipped: loaded once, and silver keeps nothing from before 2025-11-05',
        );
      }
      const marked = ({ 'sluice.stale_minute': _, ...tables }: Record<string, unknown[]>) => tables;
      expect(marked(await house.pipeline.dump())).toEqual(marked(dump));
      // What is younger is put back as ever.
      await house.pipeline.database.query("DELETE FROM silver.sensor_reading WHERE time >= '2025-11-06'");
      await house.pipeline.sluice(['replay']);
      expect(marked(await house.pipeline.dump())).toEqual(marked(dump));
      expect(await house.pipeline.verify()).toMatchObject({ ok: true });
    }, server);
  });

  test('a reading that comes even later is stored, goes with the next night, and changes no mean', async () => {
    await withHouse(async house => {
      await house.record(...lines);
      await house.load();
      await house.forget(BEFORE);
      const before = await goldOf(house);
      await house.record(old(40, 1000), reading('Sensor 1', '2025-11-01', 3));
      await house.load();
      expect(await count(house, 'silver.sensor_reading')).toBe(4);
      expect(await goldOf(house)).toEqual(before);
      expect(await count(house, 'sluice.stale_minute')).toBe(0);
      expect(await house.pipeline.verify()).toMatchObject({ ok: true });
      const forgotten = await house.forget(BEFORE);
      expect(forgotten!.rows + forgotten!.chunks).toBe(2);
      expect(await count(house, 'silver.sensor_reading')).toBe(2);
      expect(await house.pipeline.verify()).toMatchObject({ ok: true });
    }, server);
  });

  test('nothing goes while a minute of it is to be refreshed, and the boundary never moves back', async () => {
    await withHouse(async house => {
      await house.record(...lines);
      await house.pipeline.load(1e6, await sizesOf(house.recorder));
      const { database } = house.pipeline;
      const other = new pg.Client(database.url);
      await other.connect();
      await other.query('BEGIN; SELECT FROM sluice.refresh FOR UPDATE');
      // Another collector refreshes, and has not got to these minutes; the lock is only waited for while it works.
      const waiting = house.forget(BEFORE);
      await eventually(async () =>
        expect(
          await database.query(
            `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
          ),
        ).toHaveLength(1),
      );
      await other.end();
      expect(await waiting).toBeUndefined();
      expect(await count(house, 'sluice.retention')).toBe(0);
      await house.forget(BEFORE);
      await house.forget('2025-11-01');
      expect(await database.query('SELECT dropped_before FROM sluice.retention')).toEqual([
        { dropped_before: new Date('2025-11-05T00:00:00Z') },
      ]);
    }, server);
  });

  test('whoever runs the collector needs no right to delete, and whoever reads may not remove anything', async () => {
    await withHouse(async house => {
      await house.record(...lines);
      await house.load();
      const { database } = house.pipeline;
      await using writer = await userOf(database, 'sluice_writer');
      await using reader = await userOf(database, 'sluice_reader');
      await expect(writer.query('DELETE FROM silver.sensor_reading')).rejects.toThrow('permission denied');
      await database.query(
        "INSERT INTO sluice.retention_policy VALUES (true, (now()::date - '2025-11-05'::date))",
      );
      await writer.query("SELECT sluice.advance_retention(1, 'infinity')");
      await reader.query('SET default_transaction_read_only = off');
      await expect(reader.query('SELECT sluice.forget_rows(1)')).rejects.toThrow(
        'permission denied for function',
      );
      await expect(reader.query('SELECT sluice.forget_chunks()')).rejects.toThrow(
        'permission denied for function',
      );
      await writer.query('SELECT sluice.forget_chunks()');
      for (let left = 1; left > 0; )
        left = Number((await writer.query('SELECT sluice.forget_rows(1) AS n')).rows[0].n);
      expect(await count(house, 'silver.sensor_reading')).toBe(2);
    }, server);
  });
});

test('raw files and readings may go independently', async () => {
  await withHouse(async house => {
    await house.record(...lines);
    await house.load();
    await house.remove('2025-11-04');
    await house.forget(BEFORE);
    expect(await house.pipeline.verify()).toMatchObject({
      ok: true,
      retired: { removed: { files: 1, lines: 5 }, forgotten: { files: 1, lines: 1 } },
    });
  });
});

test('lines from elsewhere are forgotten by their own time', async () => {
  await withHouse(async house => {
    const file = `${house.pipeline.folder}/elsewhere.jsonl`;
    house.pipeline.write(file, `${lines.join('\n')}\n`);
    await house.pipeline.replay([file]);
    await house.pipeline.refresh();
    await house.forget(BEFORE);
    expect(await house.pipeline.verify()).toMatchObject({
      ok: true,
      retired: { forgotten: { files: 1, lines: 6 } },
    });
    expect((await house.pipeline.replay([file])).rows).toMatchObject([{ lines: 2, stored: 0, present: 2 }]);
    await house.pipeline.database.query("DELETE FROM silver.sensor_reading WHERE time >= '2025-11-10'");
    expect(await house.pipeline.verify()).toMatchObject({ ok: false });
  });
});
