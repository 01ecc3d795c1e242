import { readFileSync } from 'node:fs';
import { open, readFile, unlink } from 'node:fs/promises';
import { lateMarksPath } from './raw-file-name.ts';

/**
 * A note beside a raw file: what stands in it from byte `from` on was recorded after a reading of the same sensor that is
 * dated `newest` (s since 1970), in the file of a later day. Within a file the order of the lines says as much; without
 * the marks nobody could tell from the files alone which of yesterday's readings came today.
 *
 * The file of an hour has readings of many sensors. There a mark is of one of them, and tells all of its late lines, also
 * those that come after a newer one in the same file: so that nobody has to remember every sensor to read on in it.
 */
export interface LateMark {
  from: number;
  newest: number;
  /** Of which sensor's lines, in the file of an hour. */
  sensor?: string | undefined;
}

/** A mark as a line: `{"from":4711,"newest":"2025-11-21T10:15:01Z","sensor":"Sensor 1"}`. */
export function lateMarkLine({ from, newest, sensor }: LateMark): string {
  const at = `${new Date(newest * 1000).toISOString().slice(0, 19)}Z`;
  return `${JSON.stringify({ from, newest: at, sensor })}\n`;
}

const MARK =
  /^\{"from":(\d{1,15}),"newest":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"(?:,"sensor":("(?:[^"\\]|\\.)*"))?\}$/u;

/** The marks that a text holds, up to the first line that is none: a crash may have torn the last one. */
function parseLateMarks(text: string): LateMark[] {
  const marks: LateMark[] = [];
  // What stands behind the last line end is torn.
  for (const line of text.split('\n').slice(0, -1)) {
    const found = MARK.exec(line);
    const newest = Date.parse(found?.[2] ?? '') / 1000;
    if (found === null || Number.isNaN(newest)) break;
    const mark: LateMark = { from: Number(found[1]), newest };
    if (found[3] !== undefined) mark.sensor = JSON.parse(found[3]) as string;
    marks.push(mark);
  }
  return marks;
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
