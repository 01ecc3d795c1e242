import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/harness/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // One more than CI has cores: many tests wait for a keepalive, a second of the clock or a browser.
    maxWorkers: 3,
  },
});
