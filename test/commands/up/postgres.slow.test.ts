import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EmbeddedPostgres } from '../../../commands/up/postgres.ts';
import { freePort, temporaryFolder } from '../../harness/server.ts';

let stack: AsyncDisposableStack;
let dataDir: string;
let port: number;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  dataDir = join(folder.path, 'data', 'postgres');
  port = await freePort();
});

afterEach(() => stack.disposeAsync());

function newServer(): EmbeddedPostgres {
  const server = new EmbeddedPostgres({ dataDir, port, log: () => {}, settings: { fsync: 'off' } });
  stack.defer(() => server.stop());
  return server;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function serverProcess(): Promise<number> {
  return Number((await readFile(join(dataDir, 'postmaster.pid'), 'utf8')).split('\n')[0]);
}

describe('an embedded PostgreSQL', () => {
  test('starts, keeps its data over a restart, and stops', async () => {
    const first = newServer();
    await first.start();
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    await expect(query(first.url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });

    const second = newServer();
    await second.start();
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await second.stop();
    // Neither a half cluster nor a pid file is left.
    expect(await readdir(join(dataDir, '..'))).toEqual(['postgres']);
    expect(await readdir(dataDir)).not.toContain('postmaster.pid');
  });

  test('speaks UTF-8, listens on 127.0.0.1 alone, and its user is no superuser', async () => {
    const server = newServer();
    await server.start();
    const [row] = await query(
      server.url,
      `SELECT current_setting('server_encoding') AS encoding, lower('Ä') AS lower, rolsuper, rolcreatedb,
         current_setting('listen_addresses') AS addresses, current_setting('fsync') AS fsync
       FROM pg_roles WHERE rolname = current_user`,
    );
    expect(row).toEqual({
      encoding: 'UTF8',
      lower: 'ä',
      rolsuper: false,
      rolcreatedb: true,
      addresses: '127.0.0.1',
      fsync: 'off',
    });
    const url = new URL(server.url);
    url.password = 'wrong';
    await expect(query(url.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    url.username = 'postgres';
    await expect(query(url.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  });

  test('is in a session of its own, where Ctrl-C does not reach it', async () => {
    await newServer().start();
    // Signal 0 to a process group asks whether there is one of that number: whoever leads a session leads a group.
    expect(process.kill(-(await serverProcess()), 0)).toBe(true);
  });

  test('heeds nothing that the environment says about another server', async () => {
    const before = { ...process.env };
    stack.defer(() => {
      process.env = before;
    });
    Object.assign(process.env, {
      PGDATA: '/nowhere',
      PGPORT: '1',
      PGOPTIONS: '--nonsense',
      PGHOST: 'nowhere',
    });
    const server = newServer();
    await server.start();
    process.env = before;
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('stops the server that a killed run left behind', async () => {
    const lost = newServer();
    await lost.start();
    await query(lost.url, 'CREATE TABLE kept ()');
    const pid = await serverProcess();

    const next = newServer();
    await next.start();
    expect(await serverProcess()).not.toBe(pid);
    expect(await query(next.url, 'SELECT FROM kept')).toEqual([]);
  });

  test('recovers from a server that was killed', async () => {
    const server = newServer();
    await server.start();
    await query(server.url, 'CREATE TABLE kept ()');
    process.kill(await serverProcess(), 'SIGKILL');
    const next = newServer();
    await next.start();
    expect(await query(next.url, 'SELECT FROM kept')).toEqual([]);
  });

  test('leaves alone a process that has come to bear the number of a server long gone', async () => {
    const server = newServer();
    await server.start();
    const pidFile = await readFile(join(dataDir, 'postmaster.pid'), 'utf8');
    await server.stop();
    await writeFile(join(dataDir, 'postmaster.pid'), pidFile.replace(/^\d+/, `${process.pid}`));
    const next = newServer();
    await next.start();
    expect(await query(next.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('says which setting to change when its port is taken', async () => {
    const squatter = createServer();
    await new Promise<void>(resolve => squatter.listen(port, '127.0.0.1', resolve));
    stack.defer(() => new Promise<void>(resolve => squatter.close(() => resolve())));
    const server = newServer();
    await expect(server.start()).rejects.toThrow(
      `port ${port} is taken: set EMBEDDED_POSTGRES_PORT to a free one`,
    );
    // A failed start can be tried again.
    await new Promise<unknown>(resolve => squatter.close(resolve));
    await server.start();
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('refuses a cluster of another major version', async () => {
    await mkdir(dataDir, { recursive: true });
    await writeFile(join(dataDir, 'PG_VERSION'), '12\n');
    await expect(newServer().start()).rejects.toThrow(/made by PostgreSQL 12, and the embedded one is \d+/);
  });

  test('takes no folder that holds something else', async () => {
    await mkdir(dataDir, { recursive: true });
    await writeFile(join(dataDir, 'thesis.txt'), '');
    await expect(newServer().start()).rejects.toThrow(/ENOTEMPTY/);
    expect(await readdir(dataDir)).toEqual(['thesis.txt']);
  });

  test('shows the reason of PostgreSQL when it does not start', async () => {
    const server = newServer();
    await server.start();
    await server.stop();
    await writeFile(join(dataDir, 'postgresql.auto.conf'), "work_mem = 'plenty'\n");
    await expect(newServer().start()).rejects.toThrow(/invalid value for parameter "work_mem": "plenty"/);
  });
});

describe.runIf(process.platform === 'linux' && process.geteuid?.() === 0)('as root', () => {
  test('the server runs under another account, also below a folder that only root may enter', async () => {
    const folder = join(dataDir, '..', '..');
    await chmod(folder, 0o700);
    await newServer().start();
    const { uid } = await stat(dataDir);
    expect(uid).not.toBe(0);
    expect((await stat(`/proc/${await serverProcess()}`)).uid).toBe(uid);
    expect((await stat(folder)).uid).toBe(0);
  });
});
