import { defineConfig } from 'vitest/config';

/** What all test runs have in common. */
export default defineConfig({
  test: {
    globalSetup: ['test/harness/global-setup.ts'],
    setupFiles: ['test/harness/seed.ts'],
    // Limits for what hangs, not for what is slow: a test has to pass beside a build as well.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // One more than CI has cores: many tests wait for a keepalive, a second of the clock or a browser.
    maxWorkers: 3,
  },
});
