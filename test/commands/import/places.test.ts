import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Mapping } from '../../../commands/import/mapping.ts';
import { Places } from '../../../commands/import/places.ts';
import { configFor } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';
import { fileOf, rowsOf } from './files.ts';

test('links are followed, once; what they do not lead to costs nothing but itself', async () => {
  await using root = await temporaryFolder();
  const [folder, other] = [join(root.path, 'measurements'), join(root.path, 'other')];
  for (const path of [folder, other, join(folder, 'day')]) await mkdir(path);
  for (const path of ['measurements/a.csv', 'measurements/day/b.csv', 'other/c.csv'])
    await writeFile(join(root.path, path), 'id,time,value\n');
  await symlink('nowhere.csv', join(folder, 'gone.csv'));
  await symlink('loop.csv', join(folder, 'loop.csv'));
  await symlink('.', join(folder, 'day', 'again'));
  await symlink(other, join(folder, 'elsewhere'));
  await symlink('../a.csv', join(folder, 'day', 'same.csv'));

  using places = new Places(configFor({}));
  const { files, others } = await places.find([folder]);
  const told = await Promise.all(
    files.map(async file => {
      const name = file.name.slice(folder.length + 1);
      const { message } = await file.identity().then(
        () => ({ message: 'ok' }),
        (error: Error) => error,
      );
      return `${name} ${message}`;
    }),
  );
  expect(told.sort()).toEqual([
    'a.csv ok',
    'day/b.csv ok',
    'elsewhere/c.csv ok',
    expect.stringMatching(/^gone\.csv it cannot be read: ENOENT/),
    expect.stringMatching(/^loop\.csv it cannot be read: ELOOP/),
  ]);
  expect(others).toBe(0);
});

test('a UUID is the same in either case', async () => {
  const uuid = '6f1d1c5e-52a5-4a57-9d3e-0a7c2f6d4b01';
  const mapping = await Mapping.read(fileOf(`sensor_name,sensor_uuid\nHall,${uuid}\n`));
  expect(mapping.idOf(uuid.toUpperCase())).toEqual({ id: uuid, isKnown: true });
  expect(mapping.idOf('HALL')).toEqual({ id: 'HALL', isKnown: false });
  const twice = `sensor_name,sensor_uuid\nHall,${uuid}\nYard,${uuid.toUpperCase()}\n`;
  await expect(Mapping.read(fileOf(twice))).rejects.toThrow(/line 3: .* are one UUID/);
});

test('objects may call a column by another of its names', async () => {
  const lines = ['{"id":"a","time":1,"value":1}', '{"TIME":2,"Sensor_ID":"b","val":2}', '{"id":"c"}'];
  expect(await rowsOf(fileOf(lines.join('\n')))).toEqual([
    [1, 'a', 1, 1],
    [2, 'b', 2, 2],
    [3, 'c', undefined, undefined],
  ]);
});
