import { measurementColumns } from '../../../commands/import/columns.ts';
import { readRows } from '../../../commands/import/read-rows.ts';
import { FileFlaw, type Selection } from '../../../commands/import/rows.ts';
import type { SourceFile } from '../../../commands/import/source-file.ts';

/** A file in memory, which is read in pieces of `chunk` bytes. */
export function fileOf(content: string | Buffer, chunk = 7): SourceFile {
  const bytes = Buffer.from(content as string);
  return {
    name: 'memory',
    bytes: bytes.length,
    identity: async () => 'memory',
    async *read() {
      for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
    },
    range: async (from, to) => bytes.subarray(from, to),
  };
}

/** The rows of a file, each as `[line, ...cells]`, or as `[line, problem]`; what is wrong with the file stands last. */
export async function rowsOf(file: SourceFile, selection: Selection = measurementColumns({})) {
  const all: unknown[][] = [];
  try {
    for await (const { cells, lines, problems } of readRows(file, selection)) {
      lines.forEach((line, index) => {
        const problem = problems.get(index);
        all.push([line, ...(problem === undefined ? cells.map(column => column[index]) : [problem])]);
      });
    }
  } catch (error) {
    if (!(error instanceof FileFlaw)) throw error;
    all.push([error.message]);
  }
  return all;
}
