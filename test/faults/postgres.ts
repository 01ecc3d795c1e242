import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { EmbeddedPostgres } from '../../commands/up/postgres.ts';

/** The embedded PostgreSQL, with real fsyncs, and what can be done to it. */
export class Postgres implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #server: EmbeddedPostgres;

  private constructor(folder: string, port: number) {
    this.port = port;
    this.#folder = folder;
    this.#server = new EmbeddedPostgres({ dataDir: folder, port, log: () => undefined });
  }

  static async start(folder: string, port: number): Promise<Postgres> {
    const postgres = new Postgres(folder, port);
    await postgres.#server.start();
    return postgres;
  }

  /** Its address for who connects through a proxy. */
  urlAt(port: number): string {
    return this.#server.url.replace(`:${this.port}/`, `:${port}/`);
  }

  get url(): string {
    return this.#server.url;
  }

  /** SIGKILL of the postmaster and every process of it, at once: what a crash of the machine leaves, but for its disk cache. */
  async kill(): Promise<void> {
    const postmaster = Number((await readFile(join(this.#folder, 'postmaster.pid'), 'utf8')).split('\n')[0]);
    for (const pid of [postmaster, ...(await childrenOf(postmaster))]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  /** Starts it again after `kill`. */
  async restart(): Promise<void> {
    await this.#server.stop();
    await this.#server.start();
  }

  /** Lends a connection past all proxies, to which a read-only database does not apply. */
  async withClient<T>(use: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({
      connectionString: this.url,
      options: '-c default_transaction_read_only=off',
    });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await use(client);
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** As after a failover to a standby: connections end, and new ones cannot write. */
  async setReadOnly(on: boolean): Promise<void> {
    await this.withClient(async client => {
      await client.query(
        on
          ? 'ALTER DATABASE sluice SET default_transaction_read_only = on'
          : 'ALTER DATABASE sluice RESET default_transaction_read_only',
      );
      if (on) await terminate(client, '%');
    });
  }

  /** @returns whether the loader was connected. */
  async terminateLoader(): Promise<boolean> {
    return this.withClient(client => terminate(client, 'sluice loader'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.stop();
  }
}

async function terminate(client: pg.Client, application: string): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE $1`,
    [application],
  );
  return rowCount !== 0;
}

async function childrenOf(parent: number): Promise<number[]> {
  const children: number[] = [];
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    // proc(5): behind the name in brackets stand the state and the parent.
    if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent) children.push(Number(name));
  }
  return children;
}
