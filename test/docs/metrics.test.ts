import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { metricsPage } from '../../docs/metrics.ts';

// Which series a process has depends on its system.
test.runIf(process.platform === 'linux')(
  'docs/metrics.md describes the metrics as they are (renew: npm run docs)',
  async () => {
    const page = await readFile(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
    expect(page).toBe(metricsPage());
  },
);
