import { expect, test } from 'vitest';
import { Metrics } from '../../../collector/serve/metrics.ts';
import type { Observed } from '../../../collector/serve/observed-metrics.ts';

const observed: Observed = {
  broker: () => ({ connected: true, received: 12, redelivered: 7, acknowledged: 11, connections: 3 }),
  http: () => ({ received: 5, rejected: new Map([['not JSON', 4]]) }),
  recorder: () => ({ recorded: 10, pendingBytes: 640, failing: false, unreadableFiles: 1 }),
  reasons: () => [{ name: 'broker_away', message: 'the broker is away' }],
  clock: () => ({ suspicion: 'it is behind', isSynchronized: undefined, aheadShare: 0.75 }),
  outlets: () => [
    {
      name: 'predictions',
      kind: 'redis-list',
      connection: { connected: true },
      sent: 7,
      skipped: 2,
      refused: 4,
      waiting: 512,
      unit: 'bytes',
      stalledSeconds: 3,
    },
  ],
  feedback: () => ({ missing: new Map([['spBv1.0/#', 3]]), published: 1 }),
  reports: () => ({ mailed: 6, failures: 2 }),
  refreshLag: () => 42,
  loader: () => ({
    database: { connected: false, since: '2025-11-12T10:15:01Z', reason: 'gone' },
    unreadable: { files: 2, first: 'a: EIO' },
    pendingBytes: 4096,
    loaded: {
      lines: 9,
      understood: 7,
      empty: 1,
      rejected: 1,
      readings: 10,
      stored: 5,
      duplicates: 2,
      conflicts: 1,
      refused: 2,
    },
  }),
};

/** Value by series, as a scrape has them. */
async function scrape(metrics: Metrics): Promise<Map<string, number>> {
  const { body } = await metrics.text();
  const series = body.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  return new Map(
    series.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

test('what the parts count is looked up at each scrape, not added up', async () => {
  const metrics = new Metrics(observed);
  await scrape(metrics);
  const series = await scrape(metrics);
  expect(series.get('sluice_messages_received_total{source="mqtt"}')).toBe(12);
  expect(series.get('sluice_messages_received_total{source="http"}')).toBe(5);
  expect(series.get('sluice_messages_recorded_total')).toBe(10);
  expect(series.get('sluice_messages_redelivered_total')).toBe(7);
  expect(series.get('sluice_mqtt_connections_total')).toBe(3);
  expect(series.get('sluice_messages_missing_total{entry="spBv1.0/#"}')).toBe(3);
  expect(series.get('sluice_rebirths_requested_total')).toBe(1);
  expect(series.get('sluice_mqtt_connected')).toBe(1);
  expect(series.get('sluice_database_connected')).toBe(0);
  expect(series.get('sluice_refresh_lag_seconds')).toBe(42);
  expect(series.get('sluice_outlet_sent_total{outlet="predictions"}')).toBe(7);
  expect(series.get('sluice_outlet_skipped_total{outlet="predictions"}')).toBe(2);
  expect(series.get('sluice_outlet_waiting{outlet="predictions",unit="bytes"}')).toBe(512);
  expect(series.get('sluice_degraded{reason="broker_away"}')).toBe(1);
  expect(series.get('sluice_loading_pending_bytes')).toBe(4096);
  expect(series.get('sluice_raw_files_unreadable')).toBe(3);
  expect(series.get('sluice_clock_wrong')).toBe(1);
  expect(series.get('sluice_clock_readings_ahead_ratio')).toBe(0.75);
  expect([...series.keys()].some(name => name.startsWith('sluice_clock_synchronized'))).toBe(false);
  expect(series.get('sluice_lines_loaded_total{outcome="duplicate"}')).toBe(2);
});

test('groups, batches and refreshes are counted and timed, messages by reason and entry', async () => {
  const metrics = new Metrics(observed);
  const rejected = (count: number) => [{ entry: 'lab/+', reason: 'not JSON', count }];
  const taken = new Map([['zigbee2mqtt/+', 3]]);
  metrics.recorded({ messages: 40, payloadBytes: 3960, seconds: 0.02, rejected: rejected(2), taken });
  metrics.recorded({
    messages: 2,
    payloadBytes: 94,
    seconds: 0.002,
    rejected: rejected(1),
    taken: new Map(),
  });
  metrics.stored({
    lines: 42,
    seconds: 0.2,
    refused: [{ entry: 'zigbee2mqtt/+', reason: 'value is missing', count: 2 }],
  });
  metrics.refreshed({ minutes: 7, seconds: 0.1 });
  const series = await scrape(metrics);
  expect(series.get('sluice_messages_rejected_total{source="mqtt",entry="lab/+",reason="not JSON"}')).toBe(3);
  expect(
    series.get('sluice_messages_rejected_total{source="http",entry="plain messages",reason="not JSON"}'),
  ).toBe(4);
  expect(series.get('sluice_messages_taken_total{entry="zigbee2mqtt/+"}')).toBe(3);
  expect(series.get('sluice_messages_taken_total{entry="plain messages"}')).toBe(7);
  expect(series.get('sluice_lines_refused_total{entry="zigbee2mqtt/+",reason="value is missing"}')).toBe(2);
  expect(series.get('sluice_group_messages_sum')).toBe(42);
  expect(series.get('sluice_group_messages_count')).toBe(2);
  expect(series.get('sluice_group_write_seconds_bucket{le="0.0025"}')).toBe(1);
  expect(series.get('sluice_batch_lines_sum')).toBe(42);
  expect(series.get('sluice_refreshed_minutes_total')).toBe(7);
  expect(series.get('sluice_refresh_seconds_count')).toBe(1);
});

test('names follow the conventions: a prefix, base units, _total for counters alone', () => {
  for (const { name, type, help } of new Metrics(observed).describe()) {
    expect(name).toMatch(/^(?:sluice|process|nodejs)_[a-z0-9_]+$/);
    expect(help).not.toBe('');
    if (name.startsWith('sluice_')) expect(name.endsWith('_total')).toBe(type === 'counter');
  }
});
