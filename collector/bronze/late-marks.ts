import { readFileSync } from 'node:fs';
import { open, readFile, unlink } from 'node:fs/promises';
import { lateMarksPath } from './raw-file-name.ts';

/**
 * A note beside a raw file, of what stands in it from byte `from` on. Either: it was recorded after a reading of the same
 * sensor that is dated `newest` (s since 1970), in the file of a later day. Within a file the order of the lines says as much;
 * without the marks nobody could tell from the files alone which of yesterday's readings came today. Or: what is dated
 * after `aheadOf` was ahead of the clock when it was recorded, up to the next such mark; `Infinity`: nothing was.
 *
 * The file of an hour has readings of many sensors. There a mark is of one of them, and tells all of its late lines, also
 * those that come after a newer one in the same file: so that nobody has to remember every sensor to read on in it. What was
 * ahead of the clock needs no mark there.
 */
export type LateMark =
  | {
      from: number;
      newest: number;
      /** Of which sensor's lines, in the file of an hour. */
      sensor?: string | undefined;
      aheadOf?: undefined;
    }
  | { from: number; newest?: undefined; sensor?: undefined; aheadOf: number };

/** A mark as a line: `{"from":4711,"newest":"2025-11-21T10:15:01Z","sensor":"Sensor 1"}`, `{"from":4711,"ahead_of":null}`. */
export function lateMarkLine({ from, newest, sensor, aheadOf }: LateMark): string {
  const mark = newest === undefined ? { ahead_of: textOf(aheadOf) } : { newest: textOf(newest), sensor };
  return `${JSON.stringify({ from, ...mark })}\n`;
}

function textOf(second: number): string | null {
  return second === Number.POSITIVE_INFINITY
    ? null
    : `${new Date(second * 1000).toISOString().slice(0, 19)}Z`;
}

/** The marks that count for the lines from byte `from` on: those beside them, and what was ahead of the clock before. */
export function marksFrom(marks: readonly LateMark[], from: number): LateMark[] {
  const before = marks.findLast(mark => mark.from < from && mark.aheadOf !== undefined);
  const beside = marks.filter(mark => mark.from >= from);
  return before === undefined ? beside : [before, ...beside];
}

const TIME = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)/.source;
const NEWEST = new RegExp(
  `^\\{"from":(\\d{1,15}),"newest":"${TIME}"(?:,"sensor":("(?:[^"\\\\]|\\\\.)*"))?\\}$`,
  'u',
);
const AHEAD_OF = new RegExp(`^\\{"from":(\\d{1,15}),"ahead_of":(?:"${TIME}"|null)\\}$`);

/** The marks that a text holds, up to the first line that is none: a crash may have torn the last one. */
function parseLateMarks(text: string): LateMark[] {
  const marks: LateMark[] = [];
  // What stands behind the last line end is torn.
  for (const line of text.split('\n').slice(0, -1)) {
    const mark = newestIn(line) ?? aheadOfIn(line);
    if (mark === undefined) break;
    marks.push(mark);
  }
  return marks;
}

function newestIn(line: string): LateMark | undefined {
  const [, from, time = '', sensor] = NEWEST.exec(line) ?? [];
  const newest = Date.parse(time) / 1000;
  if (from === undefined || Number.isNaN(newest)) return undefined;
  const mark = { from: Number(from), newest };
  return sensor === undefined ? mark : { ...mark, sensor: JSON.parse(sensor) as string };
}

function aheadOfIn(line: string): LateMark | undefined {
  const [, from, time] = AHEAD_OF.exec(line) ?? [];
  const aheadOf = time === undefined ? Number.POSITIVE_INFINITY : Date.parse(time) / 1000;
  return from === undefined || Number.isNaN(aheadOf) ? undefined : { from: Number(from), aheadOf };
}

/**
 * The marks beside a raw file; none where nothing came late. Synchronous, as the loader's thread has nothing else to do
 * meanwhile.
 * @param rawFile path of the raw file, in either form.
 */
export function readLateMarks(rawFile: string): LateMark[] {
  try {
    return parseLateMarks(readFileSync(lateMarksPath(rawFile), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/**
 * After a crash: cuts the torn last line of a file of marks, and marks of lines that are not there, as marks are written
 * before their lines.
 * @param path of the file of marks. @param size of its raw file, in bytes; none where that has gone.
 */
export async function repairLateMarks(path: string, size = 0): Promise<void> {
  const marks = parseLateMarks(await readFile(path, 'utf8'));
  const whole = marks.filter(({ from }) => from < size);
  if (whole.length === 0) return unlink(path);
  await using file = await open(path, 'r+');
  await file.truncate(Buffer.byteLength(whole.map(lateMarkLine).join('')));
  await file.datasync();
}
