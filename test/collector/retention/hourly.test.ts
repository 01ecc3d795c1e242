import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { reading } from '../../commands/verify/pipeline.ts';
import { databaseServers } from '../../harness/database.ts';
import { type House, textOf, withHouse } from './house.ts';

/*
 * Files of hours (RAW_PARTITION=hour) are compressed, made plain again and removed as those of sensors are.
 */

const at = (sensor: number, time: string, value: number) => reading(`Sensor ${sensor}`, `${time}Z`, value);
const early = [at(1, '2025-11-03T10:15:00', 1), at(2, '2025-11-03T10:16:00', 2)];
const later = [at(1, '2025-11-03T11:15:00', 3), at(2, '2025-11-10T09:00:00', 4)];
const late = at(1, '2025-11-03T10:20:00', 5);
const server = databaseServers()[0]!;

async function withHours(
  use: (house: House, nameOf: (hour: string) => string) => Promise<void>,
): Promise<void> {
  await withHouse(async house => {
    await house.restart({ partition: 'hour' });
    await use(house, hour => `${hour}_@@${house.pipeline.collector}.jsonl`);
  }, server);
}

test('they are compressed by their day; a late line makes its hour plain again, with a mark, and is loaded', async () => {
  await withHours(async (house, nameOf) => {
    await house.record(...early, ...later);
    await house.load();
    const [ten, eleven, young] = ['2025-11-03T10', '2025-11-03T11', '2025-11-10T09'].map(nameOf);
    expect(await house.compress('2025-11-05')).toBe(2);
    expect(await house.names()).toEqual([`${ten}.gz`, `${eleven}.gz`, young]);
    await house.restart({ partition: 'hour' });
    await house.record(late);
    await house.load();
    expect(await house.names()).toEqual([ten, ten!.replace('.jsonl', '.late'), `${eleven}.gz`, young]);
    expect(await textOf(house.pipeline.raw, ten!)).toBe([...early, late, ''].join('\n'));
    const rows = await house.pipeline.database.query('SELECT value FROM silver.sensor_reading WHERE late');
    expect(rows).toEqual([{ value: 5 }]);
    expect(await house.pipeline.verify({ exhaustive: true })).toMatchObject({
      ok: true,
      total: { lines: 5 },
    });
  });
});

test('once removed they explain the rows of their hour; verify tells when one of these is lost', async () => {
  await withHours(async (house, nameOf) => {
    await house.record(...early, ...later, late);
    await house.load();
    expect(await house.remove('2025-11-05')).toBe(2);
    expect(await house.names()).toEqual([nameOf('2025-11-10T09')]);
    expect(await house.pipeline.verify()).toMatchObject({
      ok: true,
      retired: { removed: { files: 2, lines: 4 } },
    });
    // A mark that went with its file does not tell for the one that begins anew.
    await house.record(at(1, '2025-11-03T10:21:00', 6));
    await house.load();
    expect(await house.names()).toContain(nameOf('2025-11-03T10').replace('.jsonl', '.late'));
    expect(await house.pipeline.verify()).toMatchObject({ ok: true });
    const { database } = house.pipeline;
    await database.query('DELETE FROM silver.sensor_reading WHERE value = 3');
    await database.query(
      "INSERT INTO sluice.stale_minute SELECT DISTINCT date_trunc('minute', time, 'UTC'), sensor_id FROM silver.sensor_reading",
    );
    await database.query("INSERT INTO sluice.stale_minute VALUES ('2025-11-03T11:15:00Z', 'Sensor 1')");
    await house.pipeline.refresh();
    expect((await house.pipeline.verify()).differences).toMatchObject({
      count: 1,
      first: [
        {
          kind: 'removed_file',
          file: nameOf('2025-11-03T11'),
          what: expect.stringContaining('has 0 readings of its hour'),
        },
      ],
    });
  });
});

test('a folder whose files are cut otherwise from here on is verified, and replayed into an empty database', async () => {
  await withHours(async house => {
    await house.record(...early, ...later);
    await house.restart({ partition: 'sensor' });
    await house.record(late);
    await house.load();
    expect(await house.pipeline.verify({ exhaustive: true })).toMatchObject({
      ok: true,
      total: { lines: 5 },
    });
    const stored = () => house.pipeline.database.query('SELECT * FROM silver.sensor_reading ORDER BY value');
    const rows = await stored();
    expect(rows.filter(({ late }) => late)).toMatchObject([{ value: 5 }]);
    await house.pipeline.database.query('TRUNCATE silver.sensor_reading');
    rmSync(join(house.pipeline.dataDir, 'newest.jsonl'));
    await house.pipeline.replay();
    expect(await stored()).toEqual(rows);
  });
});
