import { Metrics } from '../collector/serve/metrics.ts';
import { emptyCounters } from '../collector/silver/counters.ts';
import { markdownTable } from './markdown-table.ts';

const INTRODUCTION = `# Metrics

What \`/metrics\` of the collector's HTTP server says, in Prometheus' text format. Counters count from the start of the
process. A histogram has the series \`_bucket\`, \`_sum\` and \`_count\`. The series that begin with \`process_\` and \`nodejs_\` are
the process's own.

What is worth an alert, and after how long, stands in \`deploy/prometheus/alerts.yml\`.

Written by \`npm run docs\` from collector/serve/metrics.ts and observed-metrics.ts.
`;

/** The text of docs/metrics.md: each metric with its type, labels and help. */
export function metricsPage(): string {
  const rows = new Metrics(nothing)
    .describe()
    .map(({ name, type, labels, help }) => [
      `\`${name}\``,
      type,
      labels.map(label => `\`${label}\``).join(', '),
      help,
    ]);
  return `${INTRODUCTION}\n${markdownTable(['Metric', 'Type', 'Labels', 'Meaning'], rows)}\n`;
}

/** A collector that has done nothing. */
const nothing = {
  broker: () => ({ connected: false, received: 0, redelivered: 0, acknowledged: 0, connections: 0 }),
  http: () => ({ received: 0, rejected: new Map() }),
  clock: () => ({ suspicion: undefined, isSynchronized: undefined, aheadShare: 0 }),
  reasons: () => [],
  outlets: () => [],
  reports: () => ({ mailed: 0, failures: 0 }),
  feedback: () => ({ missing: new Map(), published: 0 }),
  recorder: () => ({ recorded: 0, pendingBytes: 0, failing: false, unreadableFiles: 0 }),
  refreshLag: () => 0,
  loader: () => ({
    database: { connected: false as const, since: '', reason: '' },
    pendingBytes: 0,
    loaded: emptyCounters(),
    unreadable: { files: 0, first: undefined },
  }),
};
