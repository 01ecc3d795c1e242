import { isUtf8 } from 'node:buffer';
import { streamLines } from '../collector/bronze/line-stream.ts';

/** A file is not JSONL: nothing of it is loaded. */
export class NotJsonlError extends Error {
  readonly file: string;
  /** Line number, from 1. */
  readonly line: number;
  constructor(file: string, line: number, why: string) {
    super(`${file}:${line}: ${why}; nothing of this file is loaded`);
    this.name = 'NotJsonlError';
    this.file = file;
    this.line = line;
  }
}

/**
 * Reads a file from elsewhere through before anything of it is loaded.
 * @returns the first line that is not JSON; undefined when all are.
 */
export async function checkJsonl(path: string): Promise<NotJsonlError | undefined> {
  let number = 0;
  try {
    for await (const { lines } of streamLines(path, 'keep')) {
      for (const { bytes } of lines) {
        number++;
        const why = flawOf(bytes);
        if (why !== undefined) return new NotJsonlError(path, number, why);
      }
    }
  } catch (error) {
    return new NotJsonlError(path, number + 1, (error as Error).message);
  }
  return undefined;
}

function flawOf(line: Buffer): string | undefined {
  if (!isUtf8(line)) return 'is not UTF-8';
  try {
    JSON.parse(line.toString('utf8'));
    return undefined;
  } catch {
    return 'is not JSON';
  }
}
