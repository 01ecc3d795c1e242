import { FileImport } from './file-import.ts';
import { MOST_SHOWN, type Outcome, type Reading } from './import.ts';
import type { Imported } from './journal.ts';
import { readRows } from './read-rows.ts';
import { FileFlaw } from './rows.ts';
import type { SourceFile } from './source-file.ts';

/** What an import would do: reads the files, and writes nothing. @param known what has been imported, by key. */
export async function* preview(
  files: readonly SourceFile[],
  { selection, maker, digest }: Reading,
  known: ReadonlyMap<string, Imported>,
  onProgress: (bytes: number, rows: number, file: string) => void,
): AsyncGenerator<Outcome> {
  for (const file of files) {
    const entry = known.get(`${await file.identity()} ${digest}`);
    const outcome = { file: file.name, before: entry?.rows ?? 0, examples: [], recorded: 0, rejected: 0 };
    if (entry?.done) {
      onProgress(file.bytes, 0, file.name);
      yield { ...outcome, state: 'present' };
      continue;
    }
    const examples: Outcome['examples'] = [];
    const sink = {
      take: () => undefined,
      reject: (row: Outcome['examples'][number]) => void (examples.length < MOST_SHOWN && examples.push(row)),
    };
    const rows = new FileImport(maker, sink, outcome.before);
    try {
      let bytes = 0;
      for await (const some of readRows(file, selection, more => (bytes += more))) {
        rows.add(some);
        onProgress(bytes, some.lines.length, file.name);
        bytes = 0;
      }
      rows.end();
      yield { ...outcome, state: 'imported', recorded: rows.taken, rejected: rows.rejected, examples };
    } catch (error) {
      if (!(error instanceof FileFlaw)) throw error;
      yield { ...outcome, state: 'refused', reason: error.message };
    }
  }
}
