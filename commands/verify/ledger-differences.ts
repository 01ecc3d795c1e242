import type { ClientBase } from 'pg';
import { COUNTERS, type Counters } from '../../collector/silver/counters.ts';
import type { LedgerEntry } from '../../collector/silver/ledger.ts';
import type { Classified } from './comparison.ts';
import type { Difference } from './difference.ts';
import type { Read } from './file-reader.ts';

/**
 * Where the ledger disagrees with a file that is there.
 * @param file its name in the report. @param found what became of its loaded lines. @param read what reading it gave besides.
 * @param isFirst whether no other file can have brought its readings before it: then it can be told which of them were
 * stored, and which were duplicates.
 */
export function ledgerDifferences(
  file: string,
  entry: LedgerEntry,
  { found, read, isFirst }: { found: Classified; read: Read; isFirst: boolean },
): Difference[] {
  const differences: Difference[] = [];
  if (entry.firstLineHash !== null && read.end > 0 && read.firstLineHash !== entry.firstLineHash) {
    const what = 'its first line is not that of the file that was loaded under this name';
    differences.push({ kind: 'replaced_file', file, what });
  }
  const names = comparable(found, isFirst);
  if (names.some(counter => found[counter] !== entry[counter])) {
    const say = (of: Counters) => names.map(counter => `${counter} ${of[counter]}`).join(', ');
    const what = `bronze.raw_file says ${say(entry)}; the file has ${say(found)}`;
    differences.push({ kind: 'ledger', file, what });
  } else if (read.end !== entry.bytes) {
    const what = `bronze.raw_file says that ${entry.bytes} bytes are loaded, but the last line loaded ends at byte ${read.end}`;
    differences.push({ kind: 'ledger', file, what });
  }
  return differences;
}

/** Former topics files that are not what their hashes name: lines of envelopes would be decoded with another one than they were. */
export async function topicsFileDifferences(client: ClientBase): Promise<Difference[]> {
  const { rows } = await client.query<{ hash: string }>(
    `SELECT hash FROM bronze.topics_file WHERE hash <> encode(sha256(convert_to(text, 'UTF8')), 'hex') ORDER BY 1`,
  );
  return rows.map(({ hash }) => ({
    kind: 'topics_file',
    what: `the text of the topics file ${hash} in bronze.topics_file is not the one that this is the hash of`,
  }));
}

/** The counters that must be the same in file and ledger. */
function comparable({ missing, forgotten }: Classified, isFirst: boolean): (keyof Counters)[] {
  // What became of lines that silver does not keep, the ledger alone knows.
  if (forgotten > 0) return ['lines'];
  // Lines that silver lacks were counted as stored or duplicate when they were loaded.
  const areTold = isFirst && missing === 0;
  return COUNTERS.filter(counter => areTold || (counter !== 'stored' && counter !== 'duplicates'));
}
