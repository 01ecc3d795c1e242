import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { answerHeaders } from '../../base/http/schemas.ts';

const ICON = readFileSync(join(import.meta.dirname, 'page/icon.svg'));

type Transform = typeof jsonSchemaTransform;

/** A body of one of several media types: fastify-type-provider-zod knows bodies of one schema only. */
interface Body {
  content: Record<string, { schema: z.ZodType }>;
}

const isBody = (body: unknown): body is Body =>
  typeof body === 'object' && body !== null && 'content' in body;

interface Described {
  querystring?: { properties?: object };
  response?: Record<string, { headers?: object }>;
}

/** Adds the headers that answers carry: they follow from what the route is. */
function withHeaders<T extends { schema: unknown }>(transformed: T): T {
  const { querystring, response = {} } = (transformed.schema ?? {}) as Described;
  const add = (code: string, headers: object) => {
    const answer = response[code];
    if (answer !== undefined) answer.headers = { ...answer.headers, ...headers };
  };
  for (const code of ['429', '503']) add(code, { 'retry-after': answerHeaders.retryAfter });
  if (response['304'] !== undefined)
    for (const code of ['200', '304']) add(code, { etag: answerHeaders.etag });
  const properties = querystring?.properties ?? {};
  if ('after' in properties || 'cursor' in properties) add('200', { link: answerHeaders.link });
  return transformed;
}

const transform: Transform = route => withHeaders(withBody(route));

const withBody: Transform = route => {
  const body: unknown = route.schema?.body;
  if (!isBody(body)) return jsonSchemaTransform(route);
  const { body: _, ...schema } = route.schema;
  const transformed = jsonSchemaTransform({ ...route, schema } as never);
  const content = Object.entries(body.content).map(([type, media]) => {
    const { $schema, ...json } = z.toJSONSchema(media.schema, { io: 'input' });
    return [type, { schema: json }];
  });
  return {
    ...transformed,
    schema: { ...transformed.schema, body: { content: Object.fromEntries(content) } } as never,
  };
};

/**
 * The API's description, made of the schemas of its routes: /openapi.json, and a page to read and try it at /docs. To be
 * registered before the routes.
 */
export async function describeApi(app: FastifyInstance, version: string, hasTokens: boolean): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Sluice',
        version,
        description:
          'Readings in and out over HTTP. Every answer carries an x-request-id, which is yours where you sent one.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      tags: [
        { name: 'ingest', description: 'Readings in. 2xx means on disk.' },
        { name: 'read', description: 'Readings, means and quality out.' },
        { name: 'watch', description: 'How it goes.' },
      ],
      ...(hasTokens && { components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } } }),
    },
    transform,
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    theme: {
      title: `Sluice ${version}: API`,
      favicon: [{ filename: 'icon.svg', rel: 'icon', sizes: 'any', type: 'image/svg+xml', content: ICON }],
    },
    logo: { type: 'image/svg+xml', content: ICON, href: '../', target: '_self' },
    uiConfig: { persistAuthorization: false, validatorUrl: null },
    // What the page brings along is all that it may load.
    staticCSP: {
      'default-src': "'self'",
      'img-src': ["'self'", 'data:'],
      'style-src': ["'self'", "'unsafe-inline'"],
      'frame-ancestors': "'none'",
    },
  });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
}
