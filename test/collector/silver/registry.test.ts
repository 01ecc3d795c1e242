import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Registry, upsertSensors } from '../../../collector/silver/registry.ts';
import { RegistryError, readRegistry } from '../../../collector/silver/registry-file.ts';
import { withDatabase } from '../../support/database.ts';
import { loaderConnection, register } from '../../support/lines.ts';
import { temporaryFolder } from '../../support/server.ts';

const HEADER = 'sensor_id,quantity,unit,location,min_value,max_value';

async function read(...lines: string[]) {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'sensors.csv');
  await writeFile(file, lines.join('\n'));
  return await readRegistry(file);
}

async function problemsOf(...lines: string[]): Promise<string[]> {
  const error = await read(...lines).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(RegistryError);
  return (error as RegistryError).problems;
}

test('the registry that comes with Sluice can be read', async () => {
  const sensors = await readRegistry('db/sensors.csv');
  expect(sensors).toHaveLength(5);
  expect(sensors[0]).toEqual({
    sensor_id: 'Sensor 1',
    quantity: 'temperature',
    unit: '°C',
    location: 'Hall 1',
    min_value: 0,
    max_value: 45,
  });
});

test('what may be empty is empty; quotes and a byte order mark do no harm', async () => {
  expect(await read(`\uFEFF${HEADER}`, '"a, ""b""",flow,l/s,,,-1.5e3', '', 'c,flow,l/s,Yard,.5,')).toEqual([
    { sensor_id: 'a, "b"', quantity: 'flow', unit: 'l/s', location: null, min_value: null, max_value: -1500 },
    { sensor_id: 'c', quantity: 'flow', unit: 'l/s', location: 'Yard', min_value: 0.5, max_value: null },
  ]);
});

test('all mistakes are told at once, each with its line', async () => {
  const problems = await problemsOf(
    HEADER,
    'a,flow,l/s,,0,1',
    `${'b'.repeat(51)},flow,l/s,,0,1`,
    'c,,l/s,,low,',
    'd,flow,l/s,,2,1',
    'a,flow,l/s,,0,1',
    'e,flow,l/s,,,Infinity',
  );
  expect(problems).toEqual([
    'line 3: sensor_id must be 1 to 50 characters, none of them a control character',
    'line 4: quantity must not be empty',
    'line 4: min_value must be a number or empty',
    'line 5: min_value must not be greater than max_value',
    'line 6: sensor_id "a" stands twice',
    'line 7: max_value must be a number or empty',
  ]);
});

test('a limit that is no number is told once, not compared with the other one as well', async () => {
  expect(await problemsOf(HEADER, 'a,flow,l/s,,low,1')).toEqual([
    'line 2: min_value must be a number or empty',
  ]);
});

test('a file that is no registry says why', async () => {
  expect(await problemsOf('sensor_id,quantity', 'a,flow')).toContain('line 2: unit is missing');
  expect(await problemsOf(HEADER, 'a,flow')).toEqual([expect.stringMatching(/^line 2: /)]);
  await expect(readRegistry('/nowhere/sensors.csv')).rejects.toThrow(/nowhere.*ENOENT/s);
});

test('sensors are upserted; others stay', () =>
  withDatabase(async database => {
    await using connection = await loaderConnection(database);
    await register(connection.client, ['kept', 'changed'], 0, 10);
    const change = { quantity: 'flow', unit: 'l/s', location: 'Yard', min_value: null, max_value: 7 };
    await upsertSensors(connection.client, [
      { sensor_id: 'changed', ...change },
      { sensor_id: 'new', ...change },
    ]);
    const rows = await database.query('SELECT * FROM silver.sensor ORDER BY sensor_id');
    expect(rows).toEqual([
      { sensor_id: 'changed', ...change },
      { sensor_id: 'kept', quantity: 'temperature', unit: '°C', location: null, min_value: 0, max_value: 10 },
      { sensor_id: 'new', ...change },
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
