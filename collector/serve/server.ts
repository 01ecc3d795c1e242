import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import accepts from '@fastify/accepts';
import compress from '@fastify/compress';
import etag from '@fastify/etag';
import rateLimit from '@fastify/rate-limit';
import Fastify, {
  type FastifyInstance,
  type FastifyPluginCallback,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import helmet from 'helmet';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { PortTakenError } from '../../base/errors.ts';
import type { Health } from '../../base/health.ts';
import type { Access, Right } from '../../base/http/access.ts';
import { answerError, Problem, problemBody } from '../../base/http/problem.ts';
import type { Reload } from '../../base/reload.ts';
import { VERSION } from '../../base/version.ts';
import type { Alert } from '../outlet/alerts/alert.ts';
import { ingestRoutes } from '../source/http/ingest.ts';
import type { Intake } from '../source/http/intake.ts';
import { Connections } from './connections.ts';
import type { LiveStream } from './live-stream.ts';
import type { Metrics } from './metrics.ts';
import { describeApi } from './openapi.ts';
import type { Reads } from './reads.ts';
import { alertsRoute } from './routes/alerts.ts';
import { dataRoutes } from './routes/data.ts';
import { healthRoutes, type Observable } from './routes/health.ts';
import { historyRoute } from './routes/history.ts';
import { overviewRoutes } from './routes/overview.ts';
import { pageRoutes } from './routes/pages.ts';
import { qualityDaysRoute } from './routes/quality-days.ts';
import { reloadRoute } from './routes/reload.ts';
import { sensorQualityRoute } from './routes/sensor-quality.ts';
import { sensorRoutes } from './routes/sensors.ts';
import { seriesRoutes } from './routes/series.ts';
import { type Status, watchRoutes } from './routes/watch.ts';
import { untilStored } from './stored.ts';
import type { Tracing } from './tracing.ts';

/** What the routes work with. */
export interface HttpParts {
  config: Config;
  log: Logger;
  access: Access;
  health: Health;
  observable: Observable;
  intake: Intake;
  reads: Reads;
  metrics: Metrics;
  stream: LiveStream;
  status: () => Promise<Status>;
  /** Alerts about the pipeline. */
  alerts: () => readonly Alert[];
  reload: Reload;
  tracing: Tracing | undefined;
  /** How many connections there may be at once; each takes a file descriptor. */
  maxConnections: number;
}

/** A sender has this long for its headers, and this long for the whole of its request. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
/** A connection on which nothing moves is closed. */
const IDLE_MS = 60_000;
const HEADER_BYTES = 8 * 1024;
/** An id of 200 characters, each of which may take four bytes, and each of those three characters in a URL. */
const PARAMETER_CHARACTERS = 2400;
/** Of routes that take no readings. */
const SMALL_BODY_BYTES = 16 * 1024;
/** How long a stop waits for answers that are being sent. */
const CLOSE_MS = 2000;

/** The collector's HTTP server: what it is made of stands in `start`. */
export class HttpServer {
  readonly #parts: HttpParts;
  #app: FastifyInstance | undefined;

  constructor(parts: HttpParts) {
    this.#parts = parts;
  }

  /**
   * @returns the server's address, such as http://127.0.0.1:8080.
   * @throws {PortTakenError} naming the setting that changes the port.
   */
  async start(): Promise<string> {
    const {
      config,
      access,
      health,
      observable,
      intake,
      reads,
      maxConnections,
      metrics,
      stream,
      status,
      reload,
      alerts,
    } = this.#parts;
    const app = newApp(this.#parts.log);
    this.#app = app;
    new Connections(maxConnections).watch(app.server);
    // Where all of them wait for an answer, nobody can make room.
    app.server.maxConnections = maxConnections + 1;
    await this.#protect(app);
    await describeApi(app, VERSION, config.HTTP_TOKENS_FILE !== undefined);
    app.register(healthRoutes(config.DATA_DIR, health, observable, access));
    this.#register(
      app,
      'ingest',
      ingestRoutes({
        intake,
        who: access,
        maxBodyBytes: config.HTTP_MAX_BODY_BYTES,
        equipmentId: config.EQUIPMENT_ID_PATTERN,
        untilStored: untilStored(reads, () => observable.database().connected),
      }),
    );
    this.#register(app, 'read', dataRoutes(reads), seriesRoutes(reads), historyRoute(reads));
    this.#register(
      app,
      'read',
      etag,
      sensorRoutes(reads),
      overviewRoutes(reads),
      qualityDaysRoute(reads),
      sensorQualityRoute(reads),
    );
    this.#register(app, 'read', watchRoutes(metrics, stream, status), alertsRoute(reads, alerts));
    this.#register(app, 'reload', reloadRoute(reload));
    app.register(pageRoutes);
    const { HTTP_HOST: host, HTTP_PORT: port } = config;
    try {
      return await app.listen({ host, port });
    } catch (error) {
      throw PortTakenError.from(error, 'HTTP', host, port, 'HTTP_PORT');
    }
  }

  /** Takes no more requests, and cuts off after 2 s who is not done. */
  async stop(): Promise<void> {
    const app = this.#app;
    if (app === undefined) return;
    this.#parts.stream.stop();
    const timer = setTimeout(() => app.server.closeAllConnections(), CLOSE_MS);
    await app.close();
    clearTimeout(timer);
    await this.#parts.reads.stop();
  }

  /** Registers routes that need a right, in a scope of their own. */
  #register(app: FastifyInstance, right: Right, ...plugins: FastifyPluginCallback<never>[]): void {
    app.register((scope, _options, done) => {
      this.#parts.access.guard(scope, right);
      for (const plugin of plugins) scope.register(plugin as FastifyPluginCallback);
      done();
    });
  }

  async #protect(app: FastifyInstance): Promise<void> {
    const { config, log, access, tracing } = this.#parts;
    app.setErrorHandler(answerError(log));
    app.setNotFoundHandler(({ method, url }, reply) => {
      return reply.code(404).send(problemBody(404, `There is no ${method} ${url.split('?')[0]}; see /docs.`));
    });
    app.addHook('onRequest', (request, reply, done) => {
      reply.header('x-request-id', request.id);
      securityHeaders(request.raw, reply.raw, done as () => void);
    });
    app.addHook('onRequest', access.checkOrigin);
    app.addHook('onResponse', async ({ id, method, url }, { statusCode, elapsedTime }) => {
      log.debug({ id, method, url, status: statusCode, ms: Math.round(elapsedTime) }, 'request');
    });
    if (tracing !== undefined)
      app.addHook('onResponse', async (request, reply) => trace(tracing, request, reply));
    if (config.HTTP_RATE_LIMIT > 0) {
      await app.register(rateLimit, {
        max: config.HTTP_RATE_LIMIT,
        timeWindow: 60_000,
        keyGenerator: request => access.clientOf(request),
        errorResponseBuilder: (_request, { max, ttl }) =>
          new Problem(
            429,
            `${max} requests a minute are allowed (HTTP_RATE_LIMIT); go on in ${Math.ceil(ttl / 1000)} s.`,
          ),
      });
    }
    await app.register(accepts);
    await app.register(compress, {
      encodings: ['zstd', 'gzip', 'br'],
      customTypes: /^(?:text\/(?!event-stream)|application\/(?:json|x-ndjson|javascript)|image\/svg)/,
      // A body that was compressed could become of any size.
      globalDecompression: false,
      zlibOptions: { level: 1 },
    });
  }
}

/** Programs that look whether all is well ask all the time. */
const UNTRACED = new Set(['/health', '/ready', '/health/ready', '/metrics']);

function trace(
  tracing: Tracing,
  { id, method, headers, routeOptions }: FastifyRequest,
  { statusCode: status, elapsedTime }: FastifyReply,
): void {
  const { url: route } = routeOptions;
  if (route !== undefined && UNTRACED.has(route)) return;
  const { traceparent } = headers;
  const parent = typeof traceparent === 'string' ? traceparent : undefined;
  tracing.request({ method, route, status, id, seconds: elapsedTime / 1000, traceparent: parent });
}

const securityHeaders = helmet({
  contentSecurityPolicy: { directives: { upgradeInsecureRequests: null, 'style-src': ["'self'"] } },
  // TLS is a proxy's affair, and so is to demand it.
  hsts: false,
});

function newApp(log: Logger): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: SMALL_BODY_BYTES,
    connectionTimeout: IDLE_MS,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: HEADERS_MS,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: PARAMETER_CHARACTERS },
    genReqId: requestId,
    // URLs that no route is looked up for; no hook runs for them.
    frameworkErrors: (error, request, reply) => {
      reply.header('x-request-id', request.id);
      securityHeaders(request.raw, reply.raw, () => undefined);
      return answerError(log)(error, request, reply);
    },
    http: { maxHeaderSize: HEADER_BYTES, headersTimeout: HEADERS_MS, connectionsCheckingInterval: 2000 },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  return app as unknown as FastifyInstance;
}

/** The sender's own id, where it is one that can be logged as it stands. */
function requestId({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:/+=-]{1,128}$/.test(given) ? given : randomUUID();
}
