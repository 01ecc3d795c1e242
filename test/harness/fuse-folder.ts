import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './eventually.ts';

const program = fileURLToPath(new URL('./fuse-folder.py', import.meta.url));

/** How a file system treats names. */
export interface NameRules {
  /**
   * Which names are one: `caseless` ignores case and preserves it, `apfs` also ignores in which of Unicode's normal forms a
   * name is, `hfs` does, too, and gives names in NFD.
   */
  names?: 'exact' | 'caseless' | 'apfs' | 'hfs';
  /** Bytes of the longest name. */
  longest?: number;
}

/** A folder whose file system treats names in a way of its own, by FUSE. It ends with the scope. */
export class FuseFolder implements AsyncDisposable {
  readonly path: string;
  readonly #process: ChildProcess;

  private constructor(path: string, process: ChildProcess) {
    this.path = path;
    this.#process = process;
  }

  /**
   * @param folder what is written stands below it.
   * @returns undefined where there is no FUSE (Debian: python3-fusepy and fuse, and the right to use /dev/fuse).
   * @throws in CI, where it is demanded.
   */
  static async mount(
    folder: string,
    { names = 'exact', longest = 255 }: NameRules,
  ): Promise<FuseFolder | undefined> {
    const [root, path] = [join(folder, 'root'), join(folder, 'mounted')];
    await Promise.all([mkdir(root), mkdir(path)]);
    await writeFile(join(root, 'there'), '');
    // Debian's Python, which has its packages; another one may stand first on the PATH.
    const child = spawn('/usr/bin/python3', [program, root, path, names, String(longest)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (text: Buffer) => {
      said += text;
    });
    const ended = once(child, 'exit').then(() => 'ended' as const);
    ended.catch(() => undefined);
    const there = async () => {
      if (child.exitCode !== null || child.pid === undefined) return true;
      return access(join(path, 'there')).then(
        () => true,
        () => false,
      );
    };
    child.on('error', () => undefined);
    await until('the folder is mounted', there);
    if (child.exitCode === null && child.pid !== undefined) return new FuseFolder(path, child);
    if (process.env.CI) throw new Error(`CI needs python3-fusepy and fuse: ${said}`);
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const unmount = spawn('fusermount', ['-u', '-z', this.path], { stdio: 'ignore' });
    await once(unmount, 'exit');
    if (this.#process.exitCode === null) await once(this.#process, 'exit');
  }
}
