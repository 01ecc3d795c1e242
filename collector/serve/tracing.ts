import type { Attributes, Link, SpanContext, SpanKind, Tracer } from '@opentelemetry/api';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { errorText } from '../../base/errors.ts';
import { VERSION } from '../../base/version.ts';
import type { Durable, DurableGroup } from '../bronze/group-writer.ts';
import type { Refreshed } from '../gold/refresher.ts';
import type { StoredBatch } from '../silver/protocol.ts';

/** Of each kind so many spans a second at most: groups come by the hundred. */
const MOST_A_SECOND = 10;
/** What took longer is always told. In seconds. */
const SLOW_S = 1;
/** So many spans are remembered, to be linked to what becomes of them. */
const MOST_LINKS = 128;
/** How long a stop waits for the last spans to be sent. */
const STOP_MS = 2000;

type Settings = Pick<
  Config,
  'OTEL_EXPORTER_OTLP_ENDPOINT' | 'OTEL_EXPORTER_OTLP_HEADERS' | 'OTEL_SERVICE_NAME'
>;

type Timed = Pick<DurableGroup, 'messages' | 'payloadBytes' | 'seconds'> & {
  files: readonly Pick<Durable, 'file' | 'size'>[];
};

/** An answered request. */
interface Answered {
  method: string;
  /** As it is registered: `/api/v1/sensors/:id/latest`. */
  route: string | undefined;
  status: number;
  /** The request id. */
  id: string;
  seconds: number;
  /** Header `traceparent` of W3C Trace Context: the span is a part of that trace. */
  traceparent: string | undefined;
}

/** What is loaded of the SDK. */
interface Sdk {
  api: typeof import('@opentelemetry/api');
  tracer: Tracer;
  shutdown: () => Promise<void>;
}

interface Spanned {
  context: SpanContext;
  /** Files that it has made durable, up to a byte. */
  files: ReadonlyMap<string, number>;
}

/**
 * Spans of OpenTelemetry, sent by OTLP over HTTP as JSON: of the groups that become durable, of the batches that load them, of the
 * refreshes that count those, with links from the later to the earlier, and of HTTP requests. It follows what the parts tell of
 * anyway, after the fact: no message pays for it, and nothing is loaded unless OTEL_EXPORTER_OTLP_ENDPOINT is set.
 */
export class Tracing {
  readonly #sdk: Sdk;
  readonly #samples = new Map<string, { second: number; n: number }>();
  /** Groups that no batch has loaded yet, and batches that no refresh has counted; the latest. */
  #groups: Spanned[] = [];
  #batches: SpanContext[] = [];

  private constructor(sdk: Sdk) {
    this.#sdk = sdk;
  }

  /** @returns undefined where no endpoint is set. */
  static async open(settings: Settings, log: Pick<Logger, 'warn'>): Promise<Tracing | undefined> {
    const {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: headers,
      OTEL_SERVICE_NAME: service,
    } = settings;
    if (endpoint === undefined) return undefined;
    const [api, { BatchSpanProcessor, TracerProvider }, { OTLPTraceExporter }, { resourceFromAttributes }] =
      await Promise.all([
        import('@opentelemetry/api'),
        import('@opentelemetry/sdk-trace'),
        import('@opentelemetry/exporter-trace-otlp-http'),
        import('@opentelemetry/resources'),
      ]);
    const otlp = new OTLPTraceExporter({
      url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
      ...(headers === undefined ? {} : { headers }),
    });
    let told = '';
    const exporter: ConstructorParameters<typeof BatchSpanProcessor>[0]['exporter'] = {
      export: (spans, done) =>
        otlp.export(spans, result => {
          const reason = result.error === undefined ? '' : errorText(result.error);
          // Whoever takes traces may be away; each try would drown the log.
          if (reason !== '' && reason !== told)
            log.warn({ endpoint, reason }, 'traces cannot be sent; they are dropped');
          told = reason;
          done(result);
        }),
      shutdown: () => otlp.shutdown(),
      forceFlush: () => otlp.forceFlush(),
    };
    const provider = new TracerProvider({
      resource: resourceFromAttributes({ 'service.name': service, 'service.version': VERSION }),
      spanProcessors: [new BatchSpanProcessor({ exporter })],
    });
    const tracer = provider.getTracer('sluice', VERSION);
    return new Tracing({ api, tracer, shutdown: () => provider.shutdown() });
  }

  /** Notes a group that is on disk: from the first write to the last fsync. */
  group({ messages, payloadBytes, seconds, files }: Timed): void {
    if (!this.#isSampled('group', seconds)) return;
    const context = this.#span('record group', seconds, {
      'sluice.messages': messages,
      'sluice.payload_bytes': payloadBytes,
      'sluice.files': files.length,
    });
    const ends = new Map(files.slice(0, MOST_LINKS).map(({ file, size }) => [file, size]));
    this.#groups = [...this.#groups, { context, files: ends }].slice(-MOST_LINKS);
  }

  /** Notes a batch that is committed: decoding, COPY, COMMIT. */
  batch({ lines, seconds, files }: Pick<StoredBatch, 'lines' | 'seconds' | 'files'>): void {
    if (!this.#isSampled('batch', seconds)) return;
    const loaded = new Map(files);
    const isLoaded = ({ files: ends }: Spanned) =>
      [...ends].some(([file, size]) => (loaded.get(file) ?? 0) >= size);
    const { in: done = [], out: left = [] } = Object.groupBy(this.#groups, group =>
      isLoaded(group) ? 'in' : 'out',
    );
    this.#groups = left;
    const context = this.#span(
      'load batch',
      seconds,
      { 'sluice.lines': lines, 'sluice.files': files.length },
      done.map(group => group.context),
    );
    this.#batches = [...this.#batches, context].slice(-MOST_LINKS);
  }

  /** Notes a refresh of gold that is committed. */
  refreshed({ minutes, seconds }: Refreshed): void {
    this.#span('refresh gold', seconds, { 'sluice.stale_minutes': minutes }, this.#batches);
    this.#batches = [];
  }

  /** Notes an HTTP request that is answered. */
  request({ method, route, status, id, seconds, traceparent }: Answered): void {
    const parent = parentOf(traceparent);
    // Whoever traces a request has decided about it.
    if (parent === undefined && !this.#isSampled('request', seconds)) return;
    const { SpanKind } = this.#sdk.api;
    const attributes = {
      'http.request.method': method,
      ...(route === undefined ? {} : { 'http.route': route }),
      'http.response.status_code': status,
      'sluice.request_id': id,
    };
    this.#span([method, route].filter(Boolean).join(' '), seconds, attributes, [], {
      parent,
      kind: SpanKind.SERVER,
      isError: status >= 500,
    });
  }

  /** Sends what is left, for at most 2 s. */
  async stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, STOP_MS);
    await Promise.race([this.#sdk.shutdown().catch(() => undefined), promise]);
    clearTimeout(timer);
  }

  /** A span that ends now. */
  #span(
    name: string,
    seconds: number,
    attributes: Attributes,
    linked: readonly SpanContext[] = [],
    {
      parent,
      kind,
      isError = false,
    }: { parent?: SpanContext | undefined; kind?: SpanKind; isError?: boolean } = {},
  ): SpanContext {
    const { api, tracer } = this.#sdk;
    const links = linked.map((context): Link => ({ context }));
    const within =
      parent === undefined ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, parent);
    const now = Date.now();
    const startTime = now - seconds * 1000;
    const span = tracer.startSpan(
      name,
      { startTime, attributes, links, ...(kind === undefined ? {} : { kind }) },
      within,
    );
    if (isError) span.setStatus({ code: api.SpanStatusCode.ERROR });
    span.end(now);
    return span.spanContext();
  }

  #isSampled(kind: string, seconds: number): boolean {
    const second = Math.floor(Date.now() / 1000);
    let sample = this.#samples.get(kind);
    if (sample?.second !== second) {
      sample = { second, n: 0 };
      this.#samples.set(kind, sample);
    }
    return ++sample.n <= MOST_A_SECOND || seconds > SLOW_S;
  }
}

/** What `traceparent` says (https://www.w3.org/TR/trace-context/#traceparent-header); undefined where it says nothing of use. */
function parentOf(header: string | undefined): SpanContext | undefined {
  const [, traceId, spanId, flags] =
    /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})/.exec(header ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || /^0+$/.test(traceId) || /^0+$/.test(spanId))
    return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags!, 16) & 1, isRemote: true };
}
