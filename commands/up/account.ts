import { type SpawnOptions, spawn } from 'node:child_process';
import { chown, lchown, readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, parse } from 'node:path';
import { text } from 'node:stream/consumers';

/** A user of the operating system, by number. */
export interface Account {
  uid: number;
  gid: number;
}

/** What a program said, and its exit status. */
export interface Outcome {
  status: number;
  output: string;
}

/**
 * The account that PostgreSQL runs under: undefined (our own) unless we are root, which PostgreSQL refuses.
 *
 * For root it is the owner of the cluster that is there, else `postgres`, else `nobody`.
 * @throws {Error} where we are root and none of them exists.
 */
export async function serverAccount(dataDir: string): Promise<Account | undefined> {
  if (process.geteuid?.() !== 0) return undefined;
  const owner = await stat(dataDir).catch(() => undefined);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const account = (await findAccount('postgres')) ?? (await findAccount('nobody'));
  if (account) return account;
  throw new Error(
    'PostgreSQL does not run as root, and there is no account postgres or nobody: start as another user, or set DATABASE_URL',
  );
}

async function findAccount(name: string): Promise<Account | undefined> {
  const uid = await run('id', ['-u', name], {}, '');
  const gid = await run('id', ['-g', name], {}, '');
  return uid.status === 0 && gid.status === 0
    ? { uid: Number(uid.output), gid: Number(gid.output) }
    : undefined;
}

/** Makes an account the owner of a folder and of all that is in it. Links are not followed. */
export async function giveFolder(folder: string, { uid, gid }: Account): Promise<void> {
  await chown(folder, uid, gid);
  for (const entry of await readdir(folder, { recursive: true })) await lchown(join(folder, entry), uid, gid);
}

/**
 * Runs a program to its end, as an account where one is given, and returns its status and all that it said.
 *
 * `paths` are what the account must get at. It may be shut out of a folder above them (`mktemp -d` makes such folders,
 * /root is one): then, on Linux, the program gets the one capability that opens folders, CAP_DAC_OVERRIDE, and nothing
 * else of root's. `no_setuid_fixup` lets access(2) see it too, by which PostgreSQL looks for its own programs. It is
 * withheld where it is not needed, since SQL of a superuser could then read and write every file of the machine.
 * @throws {Error} where the program cannot be started.
 */
export async function runAs(
  account: Account | undefined,
  paths: string[],
  program: string,
  args: string[],
  input = '',
): Promise<Outcome> {
  // Somewhere that every account can enter: PostgreSQL's programs ask for the current folder.
  const options: SpawnOptions = { cwd: parse(program).root, env: cleanEnvironment(process.env) };
  if (!account) return run(program, args, options, input);
  if (await isShutOut(account, paths)) {
    const setpriv = [
      `--reuid=${account.uid}`,
      `--regid=${account.gid}`,
      '--clear-groups',
      '--securebits=+no_setuid_fixup',
      '--inh-caps=+dac_override',
      '--ambient-caps=+dac_override',
      '--',
    ];
    // Alpine's setpriv knows other options, and a container may have no such capability to give.
    const works = await run('setpriv', [...setpriv, 'true'], options, '').catch(() => undefined);
    if (works?.status === 0) return run('setpriv', [...setpriv, program, ...args], options, input);
  }
  return run(program, args, { ...options, ...account }, input);
}

/** PG* of the user's environment (PGDATA, PGPORT, PGOPTIONS, …) is meant for another server; messages are wanted in English. */
function cleanEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...Object.fromEntries(Object.entries(env).filter(([name]) => !/^PG/i.test(name))), LC_ALL: 'C' };
}

async function isShutOut({ uid, gid }: Account, paths: string[]): Promise<boolean> {
  for (const path of paths) {
    for (let folder = dirname(await realpath(path)); ; folder = dirname(folder)) {
      const { mode, uid: owner, gid: group } = await stat(folder);
      const mayEnter = owner === uid ? 0o100 : group === gid ? 0o010 : 0o001;
      if ((mode & mayEnter) === 0) return true;
      if (folder === dirname(folder)) break;
    }
  }
  return false;
}

async function run(program: string, args: string[], options: SpawnOptions, input: string): Promise<Outcome> {
  const child = spawn(program, args, { ...options, stdio: 'pipe', windowsHide: true });
  const exit = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', status => resolve(status ?? -1));
  });
  // A program that ends without reading its input breaks the pipe; its status tells the rest.
  child.stdin?.on('error', () => {}).end(input);
  const [status, out, err] = await Promise.all([exit, text(child.stdout!), text(child.stderr!)]);
  return { status, output: (out + err).trim() };
}
