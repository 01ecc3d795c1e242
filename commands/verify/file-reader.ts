import { isAbsolute } from 'node:path';
import { splitLines } from '../../collector/bronze/line-reader.ts';
import { type LinePiece, streamLines } from '../../collector/bronze/line-stream.ts';
import { otherForm } from '../../collector/bronze/raw-file-name.ts';
import { watermarkOf } from '../../collector/bronze/watermark.ts';
import { firstLineHash } from '../../collector/silver/ledger.ts';
import type { PastDecoders } from '../../collector/silver/past-decoders.ts';
import type { LineTable } from './line-table.ts';
import type { Subject } from './subjects.ts';

/** What reading a file gave besides its loaded lines. */
export interface Read {
  /** Lines behind the loaded ones. */
  pending: number;
  /** Where the last loaded line ends. */
  end: number;
  /** SHA-256 (hex) of the first line; undefined where there is none. */
  firstLineHash: string | undefined;
}

/** Puts the loaded lines of a file into the table, judged as the loader judged them, with the topics file of that time. @param index of the file there. */
export async function readLoadedLines(
  table: LineTable,
  index: number,
  { name, path, entry }: Subject,
  decoders: PastDecoders,
  lateMinutes: number,
  progress: (bytes: number) => void,
): Promise<Read> {
  const read: Read = { pending: 0, end: 0, firstLineHash: undefined };
  if (path === undefined) return read;
  const loaded = entry?.bytes ?? 0;
  const isForeign = isAbsolute(name);
  const watermark = watermarkOf(path, lateMinutes, isForeign);
  let number = 0;
  for await (const { bytes, start, bytesRead } of linesOf(path, isForeign)) {
    for (const raw of splitLines(bytes, start)) {
      if (raw.start === 0) read.firstLineHash = firstLineHash(raw.bytes);
      number++;
      if (raw.start >= loaded) read.pending++;
      else {
        read.end = raw.end;
        await table.add(index, number, decoders.at(name, raw.start).decode(name, raw, watermark));
      }
    }
    progress(bytesRead);
  }
  return read;
}

/** The lines of a file, in whatever form it is when it is opened. */
async function* linesOf(path: string, foreign: boolean): AsyncGenerator<LinePiece> {
  let begun = false;
  try {
    for await (const piece of streamLines(path, foreign ? 'keep' : 'skip')) {
      begun = true;
      yield piece;
    }
  } catch (error) {
    if (begun || foreign || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    yield* streamLines(otherForm(path), 'skip');
  }
}
