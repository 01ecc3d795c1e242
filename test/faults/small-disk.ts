import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';

/** Left out of the piece that is taken at once; bytes. */
const NOT_PREALLOCATED = 8 * 1024 * 1024;

/**
 * A file system of its own in a folder, which can be filled: ext4 on a loop device, with real fsyncs, or tmpfs where that
 * is not to be had.
 */
export class SmallDisk implements AsyncDisposable {
  readonly path: string;
  readonly kind: 'ext4' | 'tmpfs';
  readonly #image: string;

  private constructor(path: string, kind: 'ext4' | 'tmpfs', image: string) {
    this.path = path;
    this.kind = kind;
    this.#image = image;
  }

  /** Makes and mounts one below `folder`. @returns undefined where this user may not mount. */
  static async mount(folder: string, megabytes: number): Promise<SmallDisk | undefined> {
    const path = join(folder, 'disk');
    const image = join(folder, 'disk.img');
    await mkdir(path);
    const file = await open(image, 'w');
    await file.truncate(megabytes * 1024 * 1024);
    await file.close();
    const ext4 =
      (await run('mkfs.ext4', '-q', '-m', '0', image)) && (await run('mount', '-o', 'loop', image, path));
    if (ext4) return new SmallDisk(path, 'ext4', image);
    await rm(image);
    const tmpfs = await run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path);
    return tmpfs ? new SmallDisk(path, 'tmpfs', image) : undefined;
  }

  /** Takes all the space that is left. */
  async fill(): Promise<void> {
    const { bavail, bsize } = await statfs(this.path);
    const ballast = join(this.path, 'ballast');
    await run('fallocate', '-l', String(Math.max(1, bavail * bsize - NOT_PREALLOCATED)), ballast);
    // The rest, down to the last block: the file system needs some of it for its own tables.
    await run('sh', '-c', `cat /dev/zero > ${ballast}.rest`);
  }

  /** Gives the space back. */
  async free(): Promise<void> {
    for (const name of ['ballast', 'ballast.rest']) await rm(join(this.path, name), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!(await run('umount', this.path))) await run('umount', '-l', this.path);
    await rm(this.#image, { force: true });
  }
}

async function run(program: string, ...args: string[]): Promise<boolean> {
  const child = spawn(program, args, { stdio: 'ignore' });
  const exit = once(child, 'exit').then(([status]) => status === 0);
  return exit.catch(() => false);
}
