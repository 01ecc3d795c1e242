import { beforeEach, describe, expect, test } from 'vitest';
import { databaseServers, type TestDatabase } from '../../harness/database.ts';
import { interleave } from '../../harness/lines.ts';
import { Silver, useSilver } from './silver.ts';

/** Readings, one every `every` seconds. */
const series = (values: number[], from = 0, every = 10) =>
  values.map((value, index) => ({ second: from + index * every, value }));

describe.each(databaseServers())('on $name', server => {
  let database: TestDatabase;
  let silver: Silver;
  useSilver({ server }, (...opened) => {
    [silver, database] = opened;
  });

  const qualityOf = (flag: 'stuck' | 'jumps') =>
    silver.query(
      `SELECT extract(epoch FROM bucket - '2025-11-12 10:15Z')::int / 60 AS minute, ${flag}::int FROM gold.data_quality_1min
       WHERE ${flag} > 0 ORDER BY bucket`,
    );

  describe('jump', () => {
    beforeEach(() => silver.register('a', { max_step_per_s: 0.5 }));

    test('a change that is faster than the registry allows, either way', async () => {
      await silver.store(series([20, 25, 30.1, 25, 19.9]));
      await silver.refresh();
      expect(await silver.flagged('jump')).toEqual([20, 30, 40]);
      expect(await qualityOf('jumps')).toEqual([{ minute: 0, jumps: 3 }]);
    });

    test('is reckoned in decimal numbers', async () => {
      await silver.register('a', { max_step_per_s: 0.1 });
      // As doubles, 20.1 - 20 is more than 0.1.
      await silver.store([
        { second: 0, value: 20 },
        { second: 1, value: 20.1 },
        { second: 1.5, value: 20.05 },
      ]);
      await silver.store([{ second: 2.5, value: 20.150001 }]);
      await silver.refresh();
      expect(await silver.flagged('jump')).toEqual([2.5]);
    });

    test('is compared with the last valid reading, also for readings that are not valid', async () => {
      const bad = 'out_of_range' as const;
      await silver.store([
        { second: 0, value: 20 },
        { second: 10, value: 90, quality: bad },
        { second: 20, value: 95, quality: bad },
        { second: 30, value: 21 },
      ]);
      await silver.refresh();
      expect(await silver.flagged('jump')).toEqual([10, 20]);
    });

    test('nothing is a jump that follows nothing within a day', async () => {
      await silver.register('a', { max_step_per_s: 1e-9 });
      await silver.store([
        { second: 0, value: 20 },
        { second: 86_400, value: 30 },
        { second: 2 * 86_400 + 1, value: 20 },
      ]);
      await silver.refresh();
      expect(await silver.flagged('jump')).toEqual([86_400]);
    });

    test('a late reading changes the verdict on those that follow it, in minutes that nobody marked', async () => {
      const bad = 'out_of_range' as const;
      await silver.store([{ second: 0, value: 20 }]);
      await silver.store([
        { second: 300, value: 90, quality: bad },
        { second: 301, value: 30 },
        { second: 302, value: 30.5 },
      ]);
      expect(await silver.refresh()).toBe(2);
      expect(await silver.flagged('jump')).toEqual([]);
      await silver.store([
        { second: 299, value: 90 },
        { second: 298, value: 30 },
      ]);
      // Their own minute and the one after it.
      expect(await silver.refresh()).toBe(2);
      expect(await silver.flagged('jump')).toEqual([299, 301]);
      expect(await qualityOf('jumps')).toEqual([
        { minute: 4, jumps: 1 },
        { minute: 5, jumps: 1 },
      ]);
      await silver.query(`DELETE FROM silver.sensor_reading WHERE value = 90 AND quality = 'valid'`);
      await silver.mark('a', 240);
      await silver.refresh();
      expect(await silver.flagged('jump')).toEqual([300]);
      expect(await qualityOf('jumps')).toEqual([{ minute: 5, jumps: 1 }]);
    });

    test('is judged of the largest and the least values that there are', async () => {
      await silver.register('a', { max_step_per_s: 5e-324 });
      await silver.register('b', { max_step_per_s: 1.7e308 });
      const extremes = [-1.7e308, 1.7e308, 5e-324, -5e-324].map((value, index) => ({
        second: index / 1e3,
        value,
      }));
      await silver.store([...extremes, ...extremes.map(row => ({ ...row, id: 'b' }))]);
      await silver.refresh();
      expect(await silver.flagged('jump')).toEqual([0.001, 0.002, 0.003]);
      expect(await silver.flagged('jump', 'b')).toEqual([0.001, 0.002]);
    });
  });

  describe('stuck', () => {
    beforeEach(() => silver.register('a', { max_stuck: '1 minute' }));

    test('a value that is repeated for longer than the registry allows, from then on', async () => {
      await silver.store(series([5, 20, 20, 20, 20, 20, 20, 20, 20, 20, 21, 21]));
      await silver.refresh();
      expect(await silver.flagged('stuck')).toEqual([80, 90]);
      expect(await qualityOf('stuck')).toEqual([{ minute: 1, stuck: 2 }]);
    });

    test('a gap longer than that begins a new run', async () => {
      await silver.store([...series([20, 20, 20], 0, 30), ...series([20, 20, 20, 20], 121, 30)]);
      await silver.refresh();
      expect(await silver.flagged('stuck')).toEqual([211]);
      await silver.store([{ second: 120 }]);
      await silver.refresh();
      expect(await silver.flagged('stuck')).toEqual([120, 121, 151, 181, 211]);
    });

    test('readings that are not valid count as any others', async () => {
      await silver.store(
        series(Array(9).fill(99)).map(row => ({ ...row, quality: 'out_of_range' as const })),
      );
      await silver.refresh();
      expect(await silver.flagged('stuck')).toEqual([70, 80]);
    });

    test('is found where readings come minute by minute', async () => {
      for (let minute = 0; minute < 4; minute++) {
        await silver.store(series([20, 20, 20, 20, 20, 20], minute * 60));
        await silver.refresh();
      }
      expect(await silver.flagged('stuck')).toEqual(Array.from({ length: 17 }, (_, n) => 70 + n * 10));
    });

    test('a late reading of another value ends the run for those that follow it', async () => {
      await silver.store(series(Array(30).fill(20)));
      await silver.refresh();
      expect(await qualityOf('stuck')).toMatchObject([
        { stuck: 5 },
        { stuck: 6 },
        { stuck: 6 },
        { stuck: 6 },
      ]);
      await silver.store([{ second: 59, value: 21 }]);
      // Of the readings that follow only those within max_stuck change.
      expect(await silver.refresh()).toBe(3);
      expect(await silver.flagged('stuck')).toEqual(Array.from({ length: 17 }, (_, n) => 130 + n * 10));
      expect(await qualityOf('stuck')).toEqual([
        { minute: 2, stuck: 5 },
        { minute: 3, stuck: 6 },
        { minute: 4, stuck: 6 },
      ]);
      await silver.query('DELETE FROM silver.sensor_reading WHERE value = 21');
      await silver.mark('a', 0);
      await silver.refresh();
      expect(await silver.flagged('stuck')).toEqual(Array.from({ length: 23 }, (_, n) => 70 + n * 10));
    });
  });

  test('one reading can earn both, and a registry without limits takes them back with the next mark', async () => {
    await silver.register('a', { max_step_per_s: 0.1, max_stuck: '5 seconds' });
    const rows = [
      { second: 0, value: 90 },
      { second: 4, value: 20, quality: 'out_of_range' as const },
      { second: 9, value: 20, quality: 'out_of_range' as const },
      { second: 10, value: 20, quality: 'out_of_range' as const },
    ];
    await silver.store([...rows, ...rows.map(row => ({ ...row, id: 'unknown' }))]);
    await silver.refresh();
    expect(await silver.flagged('stuck')).toEqual([10]);
    expect(await silver.flagged('jump')).toEqual([4, 9, 10]);
    expect(await silver.flagged('jump', 'unknown')).toEqual([]);
    await silver.register('a', {});
    await silver.mark('a', 0);
    await silver.refresh();
    expect([await silver.flagged('stuck'), await silver.flagged('jump')]).toEqual([[], []]);
    expect(await qualityOf('jumps')).toEqual([]);
  });

  test('a load between any two statements of a refresh leaves no wrong flag behind', async () => {
    await using loading = await Silver.open(database);
    let statements = 1;
    for (let when = 0; when < statements; when++) {
      await silver.clear();
      await silver.register('a', { max_step_per_s: 0.5, max_stuck: '1 minute' });
      await silver.store(series(Array(20).fill(20)));
      let statement = 0;
      const interleaved = interleave(silver.client, async () => {
        if (statement++ === when) await loading.store([{ second: 119, value: 50 }]);
      });
      await new Silver(interleaved).refresh();
      statements = statement;
      await silver.refresh();
      expect(await silver.flagged('jump'), `a load before statement ${when}`).toEqual([119, 120]);
      const stuck = [70, 80, 90, 100, 110, 190];
      expect(await silver.flagged('stuck'), `a load before statement ${when}`).toEqual(stuck);
      expect(await qualityOf('stuck')).toEqual([
        { minute: 1, stuck: 5 },
        { minute: 3, stuck: 1 },
      ]);
    }
    expect(statements).toBeGreaterThan(10);
  });

  test('only rows whose flags change are written', async () => {
    await silver.register('a', { max_step_per_s: 0.5, max_stuck: '1 minute' });
    await silver.store(series([20, 40, 40, 40, 40, 40, 40, 40, 40]));
    await silver.refresh();
    const versions = () =>
      silver.query('SELECT xmin::text, ctid::text FROM silver.sensor_reading ORDER BY time');
    const before = await versions();
    await silver.mark('a', 0, 60);
    await silver.refresh();
    expect(await versions()).toEqual(before);
  });
});
