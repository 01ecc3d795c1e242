import { beforeEach, describe, expect, test } from 'vitest';
import { at, type Silver, useSilver } from '../collector/gold/silver.ts';
import { databaseServers } from '../harness/database.ts';

describe.each(databaseServers())('on $name', server => {
  let silver: Silver;
  useSilver({ server }, opened => {
    silver = opened;
  });

  describe('silver.latest_reading', () => {
    const latest = () => silver.query('SELECT * FROM silver.latest_reading ORDER BY sensor_id');

    test('is the newest by the time of the sensor, whatever comes late or again', async () => {
      await silver.register('a', { quantity: 'voltage', location: 'Hall' });
      await silver.store([
        { second: 0, value: 1 },
        { second: 90, value: 2 },
      ]);
      const row = {
        sensor_id: 'a',
        time: at(90),
        value: 2,
        unit: 'u',
        quantity: 'voltage',
        location: 'Hall',
        quality: 'valid',
        late: false,
        stuck: false,
        jump: false,
      };
      expect(await latest()).toEqual([row]);
      await silver.store([
        { second: 30, value: 3, late: true },
        { second: 90, value: 4 },
      ]);
      expect(await latest()).toEqual([row]);
      await silver.store([{ second: 90.001, value: 5, quality: 'out_of_range' }]);
      expect(await latest()).toEqual([{ ...row, time: at(90.001), value: 5, quality: 'out_of_range' }]);
    });

    test('a reading ahead of the clock is not it before its time, and breaks no silence', async () => {
      await silver.register('a', { expected_interval: '1 minute' });
      await silver.store([{ second: 0, value: 1 }]);
      await silver.query(
        "INSERT INTO silver.sensor_reading VALUES (now() + INTERVAL '20 hours', 'a', 9, 'valid')",
      );
      expect(await latest()).toMatchObject([{ time: at(0), value: 1 }]);
      expect(await silver.query('SELECT last_time FROM silver.silent_sensor')).toEqual([
        { last_time: at(0) },
      ]);
    });

    test('has sensors that are not registered, and none that have not sent', async () => {
      await silver.register('quiet');
      await silver.store([{ id: 'stranger', second: 0, quality: 'unknown_sensor' }]);
      expect(await latest()).toMatchObject([
        { sensor_id: 'stranger', unit: null, quality: 'unknown_sensor' },
      ]);
    });

    test('reads one row a sensor, from an index, and only those that are asked for', async () => {
      const sensors = Array.from({ length: 50 }, (_, n) => `Sensor ${n}`);
      for (const id of sensors) await silver.register(id);
      await silver.store(
        sensors.flatMap(id => Array.from({ length: 200 }, (_, second) => ({ id, second, value: second }))),
      );
      await silver.query('ANALYZE silver.sensor_reading; ANALYZE silver.seen_sensor; ANALYZE silver.sensor');
      const rowsRead = async (where: string) => {
        const [row] = await silver.query(
          `EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM silver.latest_reading ${where}`,
        );
        return readingsRead(row['QUERY PLAN'][0].Plan);
      };
      expect(await rowsRead('')).toBe(50);
      expect(await rowsRead(`WHERE sensor_id = 'Sensor 7'`)).toBe(1);
    });
  });

  describe('silver.silent_sensor', () => {
    /** Readings by how many minutes ago they were made. */
    const ago = async (id: string, ...minutes: number[]) => {
      const [{ now }] = await silver.query('SELECT now()');
      const second = (minute: number) => (now.getTime() - at(0).getTime()) / 1000 - minute * 60;
      await silver.store(minutes.map(minute => ({ id, second: second(minute) })));
    };
    const silent = async () =>
      (await silver.query('SELECT sensor_id FROM silver.silent_sensor ORDER BY 1')).map(
        ({ sensor_id }) => sensor_id,
      );

    test('is who has sent nothing for three intervals, or never', async () => {
      await silver.register('sending', { expected_interval: '1 hour' });
      await silver.register('silent', { expected_interval: '1 hour', quantity: 'voltage', location: 'Hall' });
      await silver.register('never', { expected_interval: '1 second' });
      await silver.register('when it likes');
      await ago('sending', 170, 400);
      await ago('silent', 190, 191);
      await ago('when it likes', 10_000);
      await ago('stranger', 10_000);
      expect(await silent()).toEqual(['never', 'silent']);
      const rows = await silver.query(
        'SELECT *, extract(epoch FROM silent_for)::int / 60 AS minutes FROM silver.silent_sensor',
      );
      expect(rows).toContainEqual(
        expect.objectContaining({ sensor_id: 'silent', quantity: 'voltage', location: 'Hall', minutes: 190 }),
      );
      expect(rows).toContainEqual(
        expect.objectContaining({ sensor_id: 'never', last_time: null, silent_for: null }),
      );
    });

    test('late readings break no silence, new ones do', async () => {
      await silver.register('a', { expected_interval: '1 hour' });
      await ago('a', 190);
      await ago('a', 300, 189);
      expect(await silent()).toEqual(['a']);
      await ago('a', 1);
      expect(await silent()).toEqual([]);
    });
  });

  test('silver.reading has the valid readings, with what is registered of their sensor', async () => {
    await silver.register('a', { quantity: 'temperature', location: 'Hall 1' });
    await silver.store([
      { second: 0, value: 1 },
      { second: 1, value: 99, quality: 'out_of_range' },
      { id: 'b', second: 2, value: 3, quality: 'unknown_sensor' },
    ]);
    expect(await silver.query('SELECT * FROM silver.reading')).toEqual([
      {
        time: at(0),
        sensor_id: 'a',
        name: null,
        value: 1,
        unit: 'u',
        quantity: 'temperature',
        location: 'Hall 1',
        late: false,
        stuck: false,
        jump: false,
      },
    ]);
  });

  test('compat has the tables of another schema', async () => {
    await silver.register('a', { quantity: 'temperature', location: 'Hall 1' });
    await silver.store([
      { second: 0, value: 1 },
      { second: 1, value: 3 },
      { second: 2, value: 99, quality: 'out_of_range' },
    ]);
    await silver.refresh();
    const sensor = { sensor_id: 'a', type: 'temperature', unit: 'u', location: 'Hall 1' };
    expect(await silver.query('SELECT * FROM compat.sensors')).toEqual([
      { ...sensor, name: null, min_value: null, max_value: null },
    ]);
    expect(
      await silver.query(
        'SELECT sensor_id, timestamp, value, quality_flag FROM compat.measurements ORDER BY timestamp',
      ),
    ).toMatchObject([
      { sensor_id: 'a', timestamp: at(0), value: 1, quality_flag: 'valid' },
      { value: 3 },
      { value: 99, quality_flag: 'out_of_range' },
    ]);
    expect(await silver.query('SELECT * FROM compat.latest_readings')).toEqual([
      { ...sensor, timestamp: at(2), value: 99, quality_flag: 'out_of_range' },
    ]);
    expect(await silver.query('SELECT * FROM compat.hourly_aggregates')).toEqual([
      { sensor_id: 'a', hour: at(-15 * 60), avg_value: 2, min_value: 1, max_value: 3, reading_count: '2' },
    ]);
  });

  describe('gold.daily_power', () => {
    const power = () =>
      silver.query(
        "SELECT (bucket AT TIME ZONE 'UTC')::date::text AS day, location, mean_voltage, mean_current, mean_power FROM gold.daily_power ORDER BY day, location",
      );
    const store = async (id: string, ...values: number[]) => {
      await silver.store(values.map((value, second) => ({ id, second, value })));
      await silver.refresh();
    };
    const day = '2025-11-12';

    beforeEach(async () => {
      await silver.register('V', { quantity: 'voltage', location: 'Roof' });
      await silver.register('I', { quantity: 'Current', location: 'Roof' });
    });

    test('is the mean voltage times the mean current of a day and a location', async () => {
      await silver.register('T', { quantity: 'temperature', location: 'Roof' });
      await store('V', 10, 20);
      await store('T', 1000);
      expect(await power()).toEqual([]);
      await store('I', 1, 2, 6);
      const row = { day, location: 'Roof', mean_voltage: 15, mean_current: 3, mean_power: 45 };
      expect(await power()).toEqual([row]);
      await silver.store([
        { id: 'V', second: 86_400, value: 1 },
        { id: 'I', second: 86_400, value: 2 },
      ]);
      await silver.refresh();
      expect(await power()).toMatchObject([row, { day: '2025-11-13', mean_power: 2 }]);
    });

    test('follows what comes late, and nothing that comes again or is not valid', async () => {
      await store('V', 10);
      await store('I', 2);
      await store('V', 10, 20);
      await silver.store([{ id: 'I', second: 5, value: 1000, quality: 'out_of_range' }]);
      await silver.refresh();
      expect(await power()).toMatchObject([{ mean_voltage: 15, mean_current: 2, mean_power: 30 }]);
    });

    test('several sensors of a quantity count by their readings', async () => {
      await silver.register('V2', { quantity: 'VOLTAGE', location: 'Roof' });
      await store('V', 10, 10, 10);
      await store('V2', 30);
      await store('I', 2);
      expect(await power()).toMatchObject([{ mean_voltage: 15, mean_power: 30 }]);
    });

    test('needs both quantities at one place', async () => {
      for (const [id, quantity] of [
        ['V here', 'voltage'],
        ['I there', 'current'],
      ] as const) {
        await silver.register(id, { quantity, location: id });
        await silver.register(`${id} nowhere`, { quantity });
        await store(id, 1);
        await store(`${id} nowhere`, 1);
      }
      await silver.store([{ id: 'stranger', second: 0, quality: 'unknown_sensor' }]);
      await silver.refresh();
      expect(await power()).toEqual([]);
    });

    test('a value beyond all measure at one place is no error for the others', async () => {
      await silver.register('V2', { quantity: 'voltage', location: 'Cellar' });
      await silver.register('I2', { quantity: 'current', location: 'Cellar' });
      await store('V', 10);
      await store('I', 2);
      for (const value of [1e308, 5e-324]) {
        await store('V2', value);
        await store('I2', value, value);
        expect(await power()).toContainEqual(expect.objectContaining({ location: 'Roof', mean_power: 20 }));
        await silver.query(`DELETE FROM silver.sensor_reading WHERE sensor_id IN ('V2', 'I2')`);
      }
    });
  });
});

interface PlanNode {
  'Relation Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  Plans?: PlanNode[];
}

/** How many rows of silver.sensor_reading, or of its chunks, a plan has read. */
function readingsRead(node: PlanNode): number {
  const own = /^(sensor_reading|_hyper)/.test(node['Relation Name'] ?? '')
    ? node['Actual Rows'] * node['Actual Loops']
    : 0;
  return own + (node.Plans ?? []).reduce((sum, child) => sum + readingsRead(child), 0);
}
