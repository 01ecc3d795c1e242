#!/usr/bin/env node
/*
 * Starts sluice.ts. It is plain JavaScript of the year 2018, so that any Node can read it and an old one says which is wanted; and
 * because the cache must be there before the first module with types is read: what strips the types takes 20 MB in each thread
 * that needs it. From the second start on nobody does.
 */
import * as nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';

const OLDEST = 24;

if (Number(process.versions.node.split('.')[0]) < OLDEST) {
  process.stderr.write(
    'sluice: this is Node ' +
      process.versions.node +
      ', and Sluice needs ' +
      OLDEST +
      ' or newer. `npm ci` brings one along: node_modules/.bin/node sluice.js, or npm start.\n',
  );
  process.exitCode = 2;
} else {
  const cache = nodeModule.enableCompileCache(
    fileURLToPath(new URL('./node_modules/.cache/sluice', import.meta.url)),
  );
  // A worker thread looks here.
  if (cache.directory !== undefined) {
    process.env.NODE_COMPILE_CACHE = process.env.NODE_COMPILE_CACHE || cache.directory;
  }
  void import('./sluice.ts');
}
