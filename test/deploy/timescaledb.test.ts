import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../harness/server.ts';

const DEPLOY = join(import.meta.dirname, '../../deploy/compose');

/** A place to start a database in; what the image's own entry point would do is the caller's to say. */
async function house() {
  const folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  const mark = join(folder.path, 'begun');
  await mkdir(data);
  const start = async (entrypoint: string) => {
    const program = join(folder.path, 'docker-entrypoint.sh');
    await writeFile(program, `#!/bin/sh\n${entrypoint}\n`);
    await chmod(program, 0o755);
    return promisify(execFile)('sh', [join(DEPLOY, 'timescaledb.sh'), 'postgres'], {
      env: { PATH: `${folder.path}:${process.env.PATH}`, PGDATA: data, DATABASE_MARK: mark },
    });
  };
  return { data, mark, start, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

const whole = `. ${join(DEPLOY, 'timescaledb-whole.sh')}`;

test('a first start that comes to its end leaves no mark, and later ones leave the data alone', async () => {
  await using one = await house();
  await one.start(`echo 17 > "$PGDATA/PG_VERSION"\n${whole}\necho "$@" > "$PGDATA/started"`);
  expect(existsSync(one.mark)).toBe(false);
  await one.start('touch "$PGDATA/again"');
  expect((await readdir(one.data)).sort()).toEqual(['PG_VERSION', 'again', 'started']);
});

test('one that was cut off is begun anew, as often as it takes', async () => {
  await using one = await house();
  await expect(
    one.start('mkdir "$PGDATA/base"; echo 17 > "$PGDATA/PG_VERSION"; kill -9 $$'),
  ).rejects.toThrow();
  expect(existsSync(one.mark)).toBe(true);
  await expect(one.start('ls -A "$PGDATA" > "$PGDATA/.found"; kill -9 $$')).rejects.toThrow();
  const { stderr } = await one.start(`ls -A "$PGDATA"\n${whole}\ntouch "$PGDATA/PG_VERSION"`);
  expect(stderr).toContain('making it anew');
  expect(existsSync(one.mark)).toBe(false);
  expect(await readdir(one.data)).toEqual(['PG_VERSION']);
});

test('a folder with data and without a mark, as older versions left it, is never emptied', async () => {
  await using one = await house();
  await writeFile(join(one.data, 'PG_VERSION'), '17\n');
  await expect(one.start('kill -9 $$')).rejects.toThrow();
  await one.start('true');
  expect(existsSync(one.mark)).toBe(false);
  expect(await readdir(one.data)).toEqual(['PG_VERSION']);
});
