import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyPluginCallback } from 'fastify';

const PAGE = join(import.meta.dirname, 'page');
const CHARTS = join(dirname(fileURLToPath(import.meta.resolve('uplot'))));

/** The page at `/`: plain files, and uPlot's beside them. They hold no data, so they need no token. */
export const pageRoutes: FastifyPluginCallback = (app, _options, done) => {
  app.register(fastifyStatic, {
    root: [PAGE, CHARTS],
    prefix: '/page/',
    index: false,
    schemaHide: true,
    // A new version is seen at the next load; what has not changed is not sent again.
    cacheControl: false,
    setHeaders: reply => reply.header('cache-control', 'no-cache'),
  });
  app.get('/', { schema: { hide: true } }, (_request, reply) => reply.sendFile('index.html'));
  done();
};
