import type { ClientBase } from 'pg';
import { firstLineOf } from '../bronze/first-line.ts';
import type { RawFileName } from '../bronze/raw-file-name.ts';
import { inBothForms, lookAt, type StandingFile, walkRawFolder } from '../bronze/raw-folder.ts';
import { firstLineHash, readEntries } from '../silver/ledger.ts';

/** Files that are compared with the ledger by one question. */
const AT_ONCE = 500;

/**
 * The raw files of the days before `before` (a UTC date) that are loaded to their last byte, some at a time. What is still
 * to be loaded is left out, and so is a file that is not the one that was loaded under its name, or has two forms.
 * @param forms which forms are asked for.
 */
export async function* loadedFilesBefore(
  client: ClientBase,
  collector: string,
  dataDir: string,
  before: string,
  forms: 'plain' | 'all',
): AsyncGenerator<StandingFile[]> {
  const names: RawFileName[] = [];
  for await (const entries of walkRawFolder(dataDir)) {
    const asked = entries.filter(
      ({ form }) => form === 'plain' || (form === 'compressed' && forms === 'all'),
    );
    names.push(...asked.map(({ name }) => name).filter(({ date }) => date < before));
  }
  const twice = new Set<string>();
  for await (const { key } of inBothForms(dataDir)) twice.add(key);
  names.sort((a, b) => (a.key < b.key ? -1 : 1));
  for (let at = 0; at < names.length; at += AT_ONCE) {
    const some = names.slice(at, at + AT_ONCE).filter(({ key }) => !twice.has(key));
    const ledger = await readEntries(
      client,
      collector,
      some.map(({ key }) => key),
    );
    const loaded: StandingFile[] = [];
    for (const name of some) {
      const file = await lookAt(dataDir, name);
      const entry = ledger.get(name.key);
      if (file === undefined || entry === undefined || file.bytes === 0 || file.bytes !== entry.bytes)
        continue;
      const first = firstLineOf(file.path, file.bytes);
      if (first !== undefined && firstLineHash(first) === entry.firstLineHash) loaded.push(file);
    }
    if (loaded.length > 0) yield loaded;
  }
}

/**
 * Whether raw files of the days before `before` (a UTC date) hold lines that are not loaded yet.
 * @param sizes of all raw files, by key, some at a time.
 */
export async function isBehind(
  client: ClientBase,
  collector: string,
  sizes: AsyncIterable<ReadonlyMap<string, number>>,
  before: string,
): Promise<boolean> {
  for await (const page of sizes) {
    const keys = [...page.keys()].filter(key => key < before);
    const ledger = await readEntries(client, collector, keys);
    if (keys.some(key => (ledger.get(key)?.bytes ?? 0) < page.get(key)!)) return true;
  }
  return false;
}
