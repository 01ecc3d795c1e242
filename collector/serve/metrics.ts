import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { DurableGroup } from '../bronze/group-writer.ts';
import type { Refreshed } from '../gold/refresher.ts';
import { EntryCounts, PLAIN } from '../payload/entry-counts.ts';
import type { StoredBatch } from '../silver/protocol.ts';
import { Lag } from './lag.ts';
import {
  type Observed,
  type ObservedMetric,
  observedCounters,
  observedGauges,
  type Reject,
} from './observed-metrics.ts';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const COUNTS = [1, 10, 100, 1000, 10_000, 100_000];

/**
 * The collector's metrics in Prometheus' text format: what is timed and counted as it goes by, and what is looked up
 * (observed-metrics.ts). docs/metrics.md is generated from them.
 * (test/collector/serve/metrics.test.ts)
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #observed: Observed;
  readonly #lag = new Lag();
  /** Of MQTT. */
  readonly #rejected = new EntryCounts();
  /** By the loader. */
  readonly #refused = new EntryCounts();
  /** As in DurableGroup. */
  readonly #taken = new Map<string, number>();
  readonly #groupMessages = this.#histogram(
    'sluice_group_messages',
    'Messages that became durable together.',
    COUNTS,
  );
  readonly #groupSeconds = this.#histogram(
    'sluice_group_write_seconds',
    'Time that a group took to reach the disk: append and fsync.',
    SECONDS,
  );
  readonly #batchLines = this.#histogram('sluice_batch_lines', 'Lines loaded in one step.', COUNTS);
  readonly #batchSeconds = this.#histogram(
    'sluice_batch_store_seconds',
    'Time that a step of loading took: decode, COPY, COMMIT.',
    SECONDS,
  );
  readonly #refreshSeconds = this.#histogram(
    'sluice_refresh_seconds',
    'Time that a refresh of gold took.',
    SECONDS,
  );
  readonly #querySeconds = new Histogram({
    name: 'sluice_query_seconds',
    help: 'Time that the database took to answer a question of the API or the page, by its name; streamed answers are not in it.',
    labelNames: ['query'],
    buckets: SECONDS,
    registers: [this.#registry],
  });
  readonly #refreshedMinutes = new Counter({
    name: 'sluice_refreshed_minutes_total',
    help: 'Minutes that refreshes have recomputed, one for each sensor.',
    registers: [this.#registry],
  });

  constructor(observed: Observed) {
    this.#observed = observed;
    const noted = {
      rejects: () => this.rejects(),
      taken: this.#taken,
      refused: this.#refused,
      loadingLag: () => this.loadingLag(),
    };
    for (const metric of observedCounters(observed, noted)) this.#observe(Counter, metric);
    for (const metric of observedGauges(observed, noted)) this.#observe(Gauge, metric);
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Takes note of a group that is on disk. */
  recorded({
    messages,
    payloadBytes,
    seconds,
    rejected,
    taken,
  }: Omit<DurableGroup, 'files' | 'lines'>): void {
    this.#groupMessages.observe(messages);
    this.#groupSeconds.observe(seconds);
    // As lines: each has its end.
    this.#lag.grew(payloadBytes + messages, Date.now());
    this.#rejected.addAll(rejected);
    for (const [entry, n] of taken) this.#taken.set(entry, (this.#taken.get(entry) ?? 0) + n);
  }

  /** Takes note of a batch that is committed. */
  stored({ lines, seconds, refused }: Omit<StoredBatch, 'files'>): void {
    this.#refused.addAll(refused);
    this.#batchLines.observe(lines);
    this.#batchSeconds.observe(seconds);
  }

  /** Takes note of a question that the database has answered. */
  answered(query: string, seconds: number): void {
    this.#querySeconds.observe({ query }, seconds);
  }

  /** Takes note of a refresh that is committed. */
  refreshed({ minutes, seconds }: Refreshed): void {
    this.#refreshSeconds.observe(seconds);
    this.#refreshedMinutes.inc(minutes);
  }

  /** All series, and the content type to send them as. */
  async text(): Promise<{ type: string; body: string }> {
    return { type: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  /** Messages that were rejected since the start, by entry and reason; the most frequent first. */
  rejects(): Reject[] {
    const http = [...this.#observed.http().rejected].map(([reason, count]) => ({
      entry: PLAIN,
      reason,
      count,
    }));
    return [
      ...[...this.#rejected].map(reject => ({ source: 'mqtt' as const, ...reject })),
      ...http.map(reject => ({ source: 'http' as const, ...reject })),
    ].sort((a, b) => b.count - a.count);
  }

  /** Each metric, in the order of the names. */
  describe(): { name: string; type: string; labels: string[]; help: string }[] {
    const metrics = this.#registry.getMetricsAsArray() as unknown as {
      name: string;
      help: string;
      labelNames?: string[];
    }[];
    return metrics
      .map(metric => ({
        name: metric.name,
        type: metric.constructor.name.toLowerCase(),
        labels: metric.labelNames ?? [],
        help: metric.help,
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Seconds that the oldest of what is not loaded has waited. */
  loadingLag(): number {
    return this.#lag.seconds(this.#observed.loader().pendingBytes, Date.now());
  }

  /** Seconds since the last refresh of gold. */
  refreshLag(): number {
    return this.#observed.refreshLag();
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name, help, buckets, registers: [this.#registry] });
  }

  #observe(Kind: typeof Counter | typeof Gauge, [name, help, labelNames, values]: ObservedMetric): void {
    const registers = [this.#registry];
    new Kind({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const [labels, value] of values()) this.inc(labels, value);
      },
    });
  }
}
