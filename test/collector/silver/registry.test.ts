import fc from 'fast-check';
import { expect, test } from 'vitest';
import { qualitySql, Registry, upsertSensors } from '../../../collector/silver/registry.ts';
import { withDatabase } from '../../harness/database.ts';
import { loaderConnection, register } from '../../harness/lines.ts';

const plain = { name: null, topic: null, registered_by: 'person' };
const unsaid = { expected_interval: null, max_step_per_s: null, max_stuck: null, attributes: {} };

test('sensors are upserted; others stay', () =>
  withDatabase(async database => {
    await using connection = await loaderConnection(database);
    await register(connection.client, ['kept', 'same', 'changed'], 0, 10);
    const change = { quantity: 'flow', unit: 'l/s', location: 'Yard', min_value: null, max_value: 7 };
    const same = { quantity: 'temperature', unit: '°C', location: null, min_value: 0, max_value: 10 };
    const counts = await upsertSensors(connection.client, [
      { sensor_id: 'changed', ...change },
      { sensor_id: 'same', ...same },
      { sensor_id: 'new', ...change },
    ]);
    expect(counts).toEqual({ added: 1, changed: 1 });
    expect(await database.query('SELECT * FROM silver.sensor ORDER BY sensor_id')).toEqual([
      { sensor_id: 'changed', ...change, ...unsaid, ...plain },
      { sensor_id: 'kept', ...same, ...unsaid, ...plain },
      { sensor_id: 'new', ...change, ...unsaid, ...plain },
      { sensor_id: 'same', ...same, ...unsaid, ...plain },
    ]);
  }));

test('what is not said of a sensor stays as it is; what is said to be empty becomes so', () =>
  withDatabase(async database => {
    await using connection = await loaderConnection(database);
    const sensor = { sensor_id: 'a', quantity: 'flow', unit: 'l/s', min_value: null, max_value: null };
    const more = { expected_interval: '90s', max_step_per_s: 0.5, max_stuck: '1h', attributes: '{"a": 1}' };
    const told = () =>
      database.query(
        'SELECT location, expected_interval::text, max_step_per_s, max_stuck::text, attributes FROM silver.sensor',
      );
    const all = {
      ...more,
      location: 'Yard',
      expected_interval: '00:01:30',
      max_stuck: '01:00:00',
      attributes: { a: 1 },
    };
    await upsertSensors(connection.client, [{ ...sensor, ...more, location: 'Yard' }]);
    expect(await told()).toEqual([all]);
    expect(await upsertSensors(connection.client, [{ ...sensor, unit: 'm³/s' }])).toEqual({
      added: 0,
      changed: 1,
    });
    expect(await told()).toEqual([all]);
    // A sensor of the same call of which less is said.
    const other = { ...sensor, sensor_id: 'b' };
    await upsertSensors(connection.client, [{ ...sensor, max_stuck: null, attributes: '{}' }, other]);
    expect(await told()).toEqual([
      { ...all, max_stuck: null, attributes: {} },
      { ...unsaid, location: null },
    ]);
  }));

test('limits belong to the plausible side; no limit allows everything', () =>
  withDatabase(async database => {
    await using connection = await loaderConnection(database);
    await register(connection.client, ['free']);
    await register(connection.client, ['bound', '__proto__'], 0, 45);
    const registry = await Registry.load(connection.client);
    const of = (id: string, ...values: number[]) => values.map(value => registry.qualityOf(id, value));
    expect(of('bound', 0, -0, 45, 20)).toEqual(['valid', 'valid', 'valid', 'valid']);
    expect(of('bound', -5e-324, 45.00000000000001)).toEqual(['out_of_range', 'out_of_range']);
    expect(of('free', -1.7976931348623157e308, 1e308)).toEqual(['valid', 'valid']);
    expect(of('constructor', 1)).toEqual(['unknown_sensor']);
    expect(of('__proto__', 1, 46)).toEqual(['valid', 'out_of_range']);
  }));

test('the loader and SQL judge alike', () =>
  withDatabase(async database => {
    await using connection = await loaderConnection(database);
    const bound = fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }));
    const value = fc.double({ noNaN: true, noDefaultInfinity: true });
    await fc.assert(
      fc.asyncProperty(bound, bound, fc.array(value, { minLength: 1 }), async (a, b, values) => {
        const [min, max] = a !== null && b !== null && a > b ? [b, a] : [a, b];
        const registry = await register(connection.client, ['known'], min, max);
        for (const id of ['known', 'unknown']) {
          const near = [...values, min ?? 0, max ?? 0];
          const { rows } = await connection.client.query(
            `SELECT ${qualitySql} AS quality FROM unnest($2::float8[]) WITH ORDINALITY r (value, n)
             LEFT JOIN silver.sensor s ON s.sensor_id = $1 ORDER BY n`,
            [id, near],
          );
          expect(rows.map(row => row.quality)).toEqual(near.map(one => registry.qualityOf(id, one)));
        }
      }),
      { numRuns: 50 },
    );
  }));
