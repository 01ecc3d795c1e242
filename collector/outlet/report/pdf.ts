import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
/** A large report on a small machine. */
const TIMEOUT_MS = 120_000;

const run = promisify(execFile);

/** The program that prints pages. @param setting CHROMIUM; null: there is to be none. */
export function findChromium(setting: string | null | undefined): string | undefined {
  return setting === undefined ? PLACES.find(existsSync) : (setting ?? undefined);
}

/**
 * Prints an HTML page of ours, as a PDF in A4. The page has no script and loads nothing, so that the browser needs no sandbox,
 * which containers do not allow.
 * @throws why the browser cannot print it.
 */
export async function printPdf(page: string, chromium: string): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-pdf-'));
  try {
    const [file, pdf] = [join(folder, 'page.html'), join(folder, 'page.pdf')];
    await writeFile(file, page);
    await run(
      chromium,
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        `--user-data-dir=${join(folder, 'profile')}`,
        '--no-pdf-header-footer',
        `--print-to-pdf=${pdf}`,
        pathToFileURL(file).href,
      ],
      { timeout: TIMEOUT_MS, killSignal: 'SIGKILL' },
    );
    return await readFile(pdf);
  } catch (error) {
    const { code, killed } = error as { code?: unknown; killed?: boolean };
    const why = killed ? `it took longer than ${TIMEOUT_MS / 1000} s` : `it ended with ${code}`;
    throw new Error(`${chromium} cannot print the report: ${why}`, { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
