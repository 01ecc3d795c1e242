import { isUtf8 } from 'node:buffer';
import { splitLines } from '../../collector/bronze/line-reader.ts';
import { streamLines } from '../../collector/bronze/line-stream.ts';

/**
 * Reads a file from elsewhere through before anything of it is loaded.
 * @returns what is wrong with the first line that is not JSON, with file and line number; undefined when all are.
 */
export async function checkJsonl(path: string): Promise<string | undefined> {
  let number = 0;
  try {
    for await (const { bytes: block, start } of streamLines(path, 'keep')) {
      for (const { bytes } of splitLines(block, start)) {
        number++;
        const why = flawOf(bytes);
        if (why !== undefined) return refusal(path, number, why);
      }
    }
  } catch (error) {
    return refusal(path, number + 1, (error as Error).message);
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

function refusal(path: string, line: number, why: string): string {
  return `${path}:${line}: ${why}; nothing of this file is loaded`;
}
