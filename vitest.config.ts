import { defineConfig, mergeConfig } from 'vitest/config';
import common from './vitest.common.ts';

/** `npm test`: everything that is done in seconds. Five minutes in all is the goal. */
export default mergeConfig(
  common,
  defineConfig({ test: { include: ['test/**/*.test.ts'], exclude: ['test/**/*.slow.test.ts'] } }),
);
