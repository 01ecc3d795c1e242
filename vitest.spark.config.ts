import { defineConfig, mergeConfig } from 'vitest/config';
import common from './vitest.common.ts';

/** `npm run lake:spark`: what starts a Spark of several processes, and takes longer than CI has. */
export default mergeConfig(common, defineConfig({ test: { include: ['test/**/*.spark.ts'] } }));
