import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyPluginCallback } from 'fastify';
import { VERSION } from '../../../base/version.ts';

const FILES = join(import.meta.dirname, '../page');
/** The report draws with it too. */
const CHARTS = join(dirname(fileURLToPath(import.meta.resolve('echarts'))), 'dist');
const CHARTS_FILE = '/echarts.esm.min.mjs';

/** The pages, by their path. */
const PAGES = {
  '/': { name: 'overview', title: 'Sluice' },
  '/history': { name: 'history', title: 'History – Sluice' },
  '/quality': { name: 'quality', title: 'Quality – Sluice' },
  '/pipeline': { name: 'pipeline', title: 'Pipeline – Sluice' },
};

/** The pages for people: plain files, and the charts' beside them. They hold no data, so they need no token. */
export const pageRoutes: FastifyPluginCallback = (app, _options, done) => {
  app.register(fastifyStatic, {
    root: [FILES, CHARTS],
    prefix: '/page/',
    index: false,
    schemaHide: true,
    allowedPath: (path, root) => root !== CHARTS || path === CHARTS_FILE,
    // A new version is seen at the next load; what has not changed is not sent again.
    cacheControl: false,
    setHeaders: reply => reply.header('cache-control', 'no-cache'),
  });
  const frame = readFileSync(join(FILES, 'frame.html'), 'utf8');
  for (const [path, { name, title }] of Object.entries(PAGES)) {
    const main = readFileSync(join(FILES, `${name}.html`), 'utf8');
    const html = frame
      .replaceAll('{name}', name)
      .replace('{title}', title)
      .replace('{main}', () => main);
    app.get(path, { schema: { hide: true } }, (request, reply) => {
      // A browser names HTML first; who takes anything is a program that looks what this is.
      if (path === '/' && request.accepts().type(['application/json', 'text/html']) !== 'text/html')
        return service;
      return reply
        .type('text/html; charset=utf-8')
        .header('vary', 'accept')
        .header('cache-control', 'no-cache')
        .send(html);
    });
  }
  done();
};

/** What `/` is for programs. */
const service = {
  service: 'sluice',
  version: VERSION,
  status: 'running',
  description: 'An MQTT stream collector: readings in and out over HTTP.',
  links: {
    openapi: 'openapi.json',
    docs: 'docs',
    health: 'health',
    ready: 'health/ready',
    metrics: 'metrics',
  },
};
