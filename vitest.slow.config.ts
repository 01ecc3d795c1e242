import { defineConfig, mergeConfig } from 'vitest/config';
import common from './vitest.common.ts';

/** `npm run test:slow`: what starts whole programs, clusters or browsers, or waits for what takes its time. */
export default mergeConfig(common, defineConfig({ test: { include: ['test/**/*.slow.test.ts'] } }));
