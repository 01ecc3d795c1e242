import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

const FILE = '.env';

/** What the process was started with. */
const given = { ...process.env };

/**
 * The environment that settings are read from, as it is at this moment: that of the process, and behind it what `.env` in the
 * working folder says.
 * @throws where there is such a file and it cannot be read.
 */
export function readEnvironment(): NodeJS.ProcessEnv {
  return { ...parseEnv(textOf(FILE)), ...given };
}

/** Puts what `.env` says into `process.env`, where it is looked for by libraries too. */
export function loadEnvironment(): void {
  Object.assign(process.env, readEnvironment());
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
