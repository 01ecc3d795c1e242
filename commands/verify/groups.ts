import type { Subject } from './subjects.ts';

/** Small files are compared together, up to this many lines or files; a larger file by itself. */
const TOGETHER_LINES = 200_000;
const TOGETHER_FILES = 2000;

/** Files by groups that are small enough to be compared at once; sizes are guessed at 50 bytes a line, or known. */
export function* groups(subjects: Subject[]): Generator<Subject[]> {
  let group: Subject[] = [];
  let lines = 0;
  for (const subject of subjects) {
    const more = Math.max(subject.bytes / 50, subject.entry?.lines ?? 0);
    if (group.length > 0 && (lines + more > TOGETHER_LINES || group.length >= TOGETHER_FILES)) {
      yield group;
      group = [];
      lines = 0;
    }
    group.push(subject);
    lines += more;
  }
  if (group.length > 0) yield group;
}
