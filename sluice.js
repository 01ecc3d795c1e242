#!/usr/bin/env node
/*
 * Starts sluice.ts. It is plain JavaScript, because the cache must be there before the first module with types is read: what
 * strips the types takes 20 MB in each thread that needs it. From the second start on nobody does.
 */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

const { directory } = enableCompileCache(
  fileURLToPath(new URL('./node_modules/.cache/sluice', import.meta.url)),
);
// A worker thread looks here.
if (directory !== undefined) process.env.NODE_COMPILE_CACHE ||= directory;

await import('./sluice.ts');
