import { readdir, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { otherForm } from '../../collector/bronze/archive.ts';
import { isRawFileName, safeSensorId, uncompressedName } from '../../collector/bronze/partition.ts';
import type { LedgerEntry } from '../../collector/silver/ledger.ts';
import type { Scope } from './partitions.ts';

/** A raw file and what the ledger says of it. `path` is undefined where the file is gone. */
export interface Subject {
  name: string;
  path: string | undefined;
  bytes: number;
  entry: LedgerEntry | undefined;
}

/** The files in the raw folder and those that the ledger knows, as far as the scope asks for them, by name. */
export async function findSubjects(
  { dataDir, ...scope }: Scope & { dataDir: string },
  ledger: Map<string, LedgerEntry>,
): Promise<Subject[]> {
  const folder = join(dataDir, 'raw');
  const present = new Map<string, string>();
  for (const name of await readdir(folder).catch(() => [])) {
    const plain = uncompressedName(name);
    if (isRawFileName(plain) && (name === plain || !present.has(plain)))
      present.set(plain, join(folder, name));
  }
  const names = [...new Set([...present.keys(), ...ledger.keys()])]
    .filter(name => isInScope(name, scope))
    .sort();
  const subjects: Subject[] = [];
  for (const name of names) {
    const path = isAbsolute(name) ? name : present.get(name);
    const forms = path === undefined ? [] : isAbsolute(name) ? [path] : [path, otherForm(path)];
    subjects.push({ name, ...(await firstOf(forms)), entry: ledger.get(name) });
  }
  return subjects;
}

/** The first of these paths that is there. */
async function firstOf(paths: string[]): Promise<Pick<Subject, 'path' | 'bytes'>> {
  for (const path of paths) {
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined) return { path, bytes: found.size };
  }
  return { path: undefined, bytes: 0 };
}

/** Whether a file of the ledger or of the folder is asked for. */
export function isInScope(name: string, { date, sensor }: Scope): boolean {
  // A file from elsewhere may hold any sensor and day.
  if (isAbsolute(name)) return true;
  return (
    (date === undefined || name.startsWith(`${date}_`)) &&
    (sensor === undefined || name.slice(11).startsWith(`${safeSensorId(sensor)}.jsonl`))
  );
}
