import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const program = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find(path => path !== undefined && existsSync(path));

/** Whether tests leave the browser out: where there is none. CI has to have one, so there they fail instead. */
export const withoutBrowser = program === undefined && process.env.CI === undefined;

/** Starts a headless Chromium; CHROMIUM may name its program. */
export function startBrowser(): Promise<Browser> {
  // In a container there is no sandbox to be had, and what it looks at is ours.
  return chromium.launch({
    executablePath: program ?? 'chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
}
