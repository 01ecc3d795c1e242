import { FileImport, type RowSink } from './file-import.ts';
import { keyOf, MOST_SHOWN, nothingOf, type Outcome, type Reading, refuse } from './import.ts';
import type { Imported } from './journal.ts';
import { readRows } from './read-rows.ts';
import type { SourceFile } from './source-file.ts';

/** What an import would do: reads the files, and writes nothing. @param known what has been imported, by key. */
export async function* preview(
  files: readonly SourceFile[],
  { selection, maker, digest }: Reading,
  known: ReadonlyMap<string, Imported>,
  onProgress: (bytes: number, rows: number, file: string) => void,
): AsyncGenerator<Outcome> {
  for (const file of files) {
    const outcome = nothingOf(file);
    try {
      const entry = known.get(keyOf(await file.identity(), digest));
      outcome.before = entry?.rows ?? 0;
      if (entry?.done) {
        onProgress(file.bytes, 0, file.name);
        outcome.state = 'present';
      } else {
        const rows = new FileImport(maker, showing(outcome), outcome.before);
        let bytes = 0;
        for await (const some of readRows(file, selection, more => (bytes += more))) {
          rows.add(some);
          onProgress(bytes, some.lines.length, file.name);
          bytes = 0;
        }
        rows.end();
        Object.assign(outcome, { recorded: rows.taken, rejected: rows.rejected });
      }
    } catch (error) {
      refuse(outcome, error);
    }
    yield outcome;
  }
}

/** Keeps the first of the bad rows, and nothing else. */
function showing({ examples }: Outcome): RowSink {
  return {
    take: () => undefined,
    reject: row => {
      if (examples.length < MOST_SHOWN) examples.push(row);
    },
  };
}
