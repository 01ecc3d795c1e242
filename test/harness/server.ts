import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedPostgres } from '../../commands/up/postgres.ts';

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>(resolve => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise(resolve => probe.close(resolve));
  return port;
}

/** Whether a server listens on a port of 127.0.0.1. */
export function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** Makes a folder under the system's temporary one, and removes it at the end of the scope. Its name tells which process it belongs to. */
export async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), `sluice-test-${process.pid}-`));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/**
 * Removes the folders of test runs that were killed, or that kept theirs on purpose.
 *
 * A PostgreSQL that still runs in one of them stops by itself: it looks once a minute whether its lock file is there.
 */
export async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = /^sluice-test-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    // Another user's, or one that its server writes to at this moment: the next run comes by again.
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Starts a PostgreSQL with a cluster of its own, for tests that stop or kill their server; others share one (`withDatabase`).
 *
 * Nothing survives it, so it need not wait for the disk.
 */
export async function startPostgres(): Promise<
  AsyncDisposable & { url: string; start(): Promise<void>; stop(): Promise<void> }
> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const server = new EmbeddedPostgres({
    dataDir: join(folder.path, 'postgres'),
    port: await freePort(),
    log: () => {},
    settings: { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' },
  });
  stack.defer(() => server.stop());
  await server.start();
  const kept = stack.move();
  return {
    url: server.url,
    start: () => server.start(),
    stop: () => server.stop(),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** The URL of another database of the same server. */
export function databaseUrl(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}
