import { expect, test } from 'vitest';
import { SettingsError } from '../../base/config.ts';
import { UsageError } from '../../base/errors.ts';
import { difference, Reload, ReloadRefusedError } from '../../base/reload.ts';
import { silent } from '../harness/pipeline.ts';

/** A part that notes what becomes of it. */
function part(name: string, notes: string[], fails?: Error) {
  return () => ({
    summary: { said: name },
    apply: () => {
      if (fails !== undefined) throw fails;
      notes.push(name);
    },
  });
}

test('what has changed is put in force in its order, and told', async () => {
  const notes: string[] = [];
  const reload = new Reload(silent);
  reload.add('topics', part('topics', notes));
  reload.add('tokens', () => undefined);
  reload.add('sensors', part('sensors', notes));
  expect(await reload.run()).toEqual({ topics: { said: 'topics' }, sensors: { said: 'sensors' } });
  expect(notes).toEqual(['topics', 'sensors']);
});

test('where anything is wrong nothing changes, and the mistakes of all parts are told until it is right', async () => {
  const notes: string[] = [];
  const reload = new Reload(silent);
  let isWrong = true;
  reload.add('topics', part('topics', notes));
  for (const [name, error] of [
    ['sensors', new UsageError('there is no such file')],
    ['tokens', new SettingsError(['line 1: too short', 'line 3: twice'])],
  ] as const) {
    reload.add(name, () => {
      if (isWrong) throw error;
      return undefined;
    });
  }
  const refused = await reload.run().catch((error: ReloadRefusedError) => error);
  expect(refused).toBeInstanceOf(ReloadRefusedError);
  expect(refused).toMatchObject({
    problems: ['sensors: there is no such file', 'tokens: line 1: too short', 'tokens: line 3: twice'],
  });
  expect(reload.refused).toBe(refused);
  expect(notes).toEqual([]);
  isWrong = false;
  await reload.run();
  expect(reload.refused).toBeUndefined();
  expect(notes).toEqual(['topics']);
});

test('what fails when it is put in force refuses what comes after it', async () => {
  const notes: string[] = [];
  const reload = new Reload(silent);
  reload.add('topics', part('topics', notes, new Error('the broker refuses')));
  reload.add('sensors', part('sensors', notes));
  await expect(reload.run()).rejects.toMatchObject({ problems: ['topics: the broker refuses'] });
  expect(notes).toEqual([]);
});

test('a reload that is asked for while one runs reads again after it', async () => {
  const reload = new Reload(silent);
  const { promise, resolve } = Promise.withResolvers<void>();
  let reads = 0;
  reload.add('topics', async () => {
    reads++;
    await promise;
    return undefined;
  });
  const both = [reload.run(), reload.run()];
  resolve();
  await Promise.all(both);
  expect(reads).toBe(2);
});

test('a difference names what was added, removed and changed, and of many the first', () => {
  const before = new Map([
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
  ]);
  expect(difference(before, before)).toBeUndefined();
  const after = new Map([
    ['a', '1'],
    ['b', '20'],
    ['d', '4'],
  ]);
  expect(difference(before, after)).toEqual({ added: ['d'], removed: ['c'], changed: ['b'] });
  const many = new Map(Array.from({ length: 30 }, (_, n) => [`s${n}`, '']));
  expect(difference(new Map(), many)?.added?.slice(19)).toEqual(['s19', 'and 10 more']);
});
