import { stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { compressedPath, otherForm, RawFileName } from '../../collector/bronze/raw-file-name.ts';
import { type ListedFile, listRawFiles } from '../../collector/bronze/raw-folder.ts';
import { keyOfEntry, type LedgerEntry } from '../../collector/silver/ledger.ts';
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
  const present = new Map<string, string>();
  for (const { name, plain } of (
    await listRawFiles(dataDir).catch(() => new Map<string, ListedFile>())
  ).values()) {
    const path = join(dataDir, name.path);
    present.set(name.key, plain ? path : compressedPath(path));
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
  const file = RawFileName.ofKey(keyOfEntry(name));
  // A file from elsewhere, and one of messages as they came, may hold any sensor and day.
  if (file === undefined || file.holdsEnvelopes) return true;
  return (date === undefined || file.date === date) && (sensor === undefined || file.mayHold(sensor));
}
