import type { Reason } from '../../base/health.ts';
import type { ClockState } from '../bronze/clock-watch.ts';
import type { OutletStatus } from '../outlet/protocol.ts';
import { type EntryCount, PLAIN } from '../payload/entry-counts.ts';
import type { Counters } from '../silver/counters.ts';
import type { LoaderStatus } from '../silver/protocol.ts';

/** What is looked up when somebody asks; all of it counts from the start of the process. */
export interface Observed {
  broker(): {
    connected: boolean;
    received: number;
    redelivered: number;
    acknowledged: number;
    connections: number;
  };
  /** Readings that came in by HTTP, and how many of them were refused, by reason. */
  http(): { received: number; rejected: ReadonlyMap<string, number> };
  recorder(): { recorded: number; pendingBytes: number; failing: boolean; unreadableFiles: number };
  loader(): LoaderStatus;
  /** What was copied to the archive, and what waits for it; undefined where there is none. */
  archive?(): { files: number; bytes: number; failures: number; waitingFiles: number } | undefined;
  /** Reports that were mailed, and tries after which one was not. */
  reports(): { mailed: number; failures: number };
  /** What the last nightly verification found; undefined where none has ended since the start. */
  verified?():
    | { at: number; changed: number; again: number; waiting: number; differences: number }
    | undefined;
  /** Seconds since gold was last refreshed. */
  refreshLag(): number;
  clock(): ClockState;
  /** What is wrong at this moment. */
  reasons(): Reason[];
  outlets(): readonly OutletStatus[];
  /** What formats have noticed: messages that are missing, by entry; requests that were published. */
  feedback(): { missing: ReadonlyMap<string, number>; published: number };
}

/** What the metrics have noted themselves, as groups and batches went by. */
export interface Noted {
  /** Messages that were rejected, by source, entry and reason. */
  rejects(): readonly Reject[];
  /** Recorded messages of all entries but the one of plain messages, by entry. */
  taken: ReadonlyMap<string, number>;
  /** Lines, and readings of such, that cannot be stored. */
  refused: Iterable<EntryCount>;
  /** Seconds that the oldest of what is not loaded has waited. */
  loadingLag(): number;
}

/** Messages that were rejected. */
export type Reject = { source: 'mqtt' | 'http' } & EntryCount;

type Value = [labels: Record<string, string>, value: number];

/** A metric whose values are looked up at each scrape. */
export type ObservedMetric = [name: string, help: string, labelNames: string[], values: () => Value[]];

const outcomes: [string, keyof Counters][] = [
  ['stored', 'stored'],
  ['duplicate', 'duplicates'],
  ['conflict', 'conflicts'],
  ['refused', 'refused'],
  ['rejected', 'rejected'],
];

/** What only grows while the process lives. */
export function observedCounters(
  { broker, http, recorder, loader, archive, reports, outlets, feedback }: Observed,
  { rejects, taken, refused }: Noted,
): ObservedMetric[] {
  return [
    [
      'sluice_messages_received_total',
      'Messages that came in, by MQTT or by HTTP.',
      ['source'],
      () => [
        [{ source: 'mqtt' }, broker().received],
        [{ source: 'http' }, http().received],
      ],
    ],
    ['sluice_messages_recorded_total', 'Readings that are on disk.', [], () => [[{}, recorder().recorded]]],
    [
      'sluice_messages_taken_total',
      'Messages that are on disk, by entry of the topics file: its filter, as written.',
      ['entry'],
      () => takenBy(taken, recorder().recorded),
    ],
    [
      'sluice_messages_redelivered_total',
      'Messages that the broker said it had sent before: DUP of MQTT, redeliveries of JetStream.',
      [],
      () => [[{}, broker().redelivered]],
    ],
    [
      'sluice_messages_rejected_total',
      'Messages that are not readings, by entry of the topics file and reason; data/rejected has those of MQTT.',
      ['source', 'entry', 'reason'],
      () => rejects().map(({ count, ...labels }): Value => [labels, count]),
    ],
    [
      'sluice_messages_missing_total',
      'Messages that did not come, as far as sequence numbers tell (Sparkplug), by entry of the topics file.',
      ['entry'],
      () => [...feedback().missing].map(([entry, n]): Value => [{ entry }, n]),
    ],
    [
      'sluice_rebirths_requested_total',
      'Rebirths that nodes of Sparkplug were asked for (rebirth: request).',
      [],
      () => [[{}, feedback().published]],
    ],
    [
      'sluice_mqtt_acknowledged_total',
      'Messages that the broker was told are ours.',
      [],
      () => [[{}, broker().acknowledged]],
    ],
    [
      'sluice_mqtt_connections_total',
      'Connections to the broker that were made, the first one included.',
      [],
      () => [[{}, broker().connections]],
    ],
    [
      'sluice_lines_loaded_total',
      'Lines of raw files that were loaded, by what became of them.',
      ['outcome'],
      () => outcomes.map(([outcome, field]) => [{ outcome }, loader().loaded[field]]),
    ],
    [
      'sluice_lines_refused_total',
      'Recorded messages, and readings of such, that cannot be stored, by entry of the topics file and reason; silver.rejected_line has them.',
      ['entry', 'reason'],
      () => [...refused].map(({ count, ...labels }): Value => [labels, count]),
    ],
    [
      'sluice_archive_files_total',
      'Files that were copied to the archive; one that grew is copied again.',
      [],
      () => [[{}, archive?.()?.files ?? 0]],
    ],
    [
      'sluice_archive_bytes_total',
      'Text of these files, before it was compressed.',
      [],
      () => [[{}, archive?.()?.bytes ?? 0]],
    ],
    [
      'sluice_archive_failures_total',
      'Runs that did not copy everything that waited.',
      [],
      () => [[{}, archive?.()?.failures ?? 0]],
    ],
    ['sluice_reports_mailed_total', 'Reports that were mailed.', [], () => [[{}, reports().mailed]]],
    [
      'sluice_report_mail_failures_total',
      'Tries after which a report that is due was not mailed.',
      [],
      () => [[{}, reports().failures]],
    ],
    [
      'sluice_outlet_sent_total',
      'Messages that an outlet’s consumer has confirmed, since the outlet was made.',
      ['outlet'],
      () => outlets().map(({ name, sent }): Value => [{ outlet: name }, sent]),
    ],
    [
      'sluice_outlet_skipped_total',
      'Lines (or means) that were forgotten before an outlet could send them, since it was made.',
      ['outlet'],
      () => outlets().map(({ name, skipped }): Value => [{ outlet: name }, skipped]),
    ],
    [
      'sluice_outlet_dead_letters_total',
      'Messages that an outlet’s receiver has refused, since the outlet was made; outlets/NAME.dead.jsonl has them.',
      ['outlet'],
      () => outlets().map(({ name, refused }): Value => [{ outlet: name }, refused]),
    ],
  ];
}

/** A value of the last verification, where there was one. */
function ofVerified<T>(verified: T | undefined, value: (verified: T) => number): Value[] {
  return verified === undefined ? [] : [[{}, value(verified)]];
}

/** What rises and falls. */
export function observedGauges(
  { broker, recorder, loader, archive, verified, refreshLag, clock, reasons, outlets }: Observed,
  { loadingLag }: Noted,
): ObservedMetric[] {
  return [
    [
      'sluice_mqtt_connected',
      '1 while the broker is connected.',
      [],
      () => [[{}, Number(broker().connected)]],
    ],
    [
      'sluice_database_connected',
      '1 while the database is connected.',
      [],
      () => [[{}, Number(loader().database.connected)]],
    ],
    [
      'sluice_raw_files_unreadable',
      'Raw files that are to be loaded and cannot be read, or whose lines are lost; the log names them.',
      [],
      () => [[{}, recorder().unreadableFiles + loader().unreadable.files]],
    ],
    [
      'sluice_recording_failing',
      '1 while the disk refuses writes; nothing is acknowledged then.',
      [],
      () => [[{}, Number(recorder().failing)]],
    ],
    [
      'sluice_recording_pending_bytes',
      'Payloads that wait for the disk.',
      [],
      () => [[{}, recorder().pendingBytes]],
    ],
    [
      'sluice_loading_pending_bytes',
      'Recorded bytes that are not loaded yet.',
      [],
      () => [[{}, loader().pendingBytes]],
    ],
    [
      'sluice_loading_lag_seconds',
      'How long the oldest of them have waited, exact to a second.',
      [],
      () => [[{}, loadingLag()]],
    ],
    [
      'sluice_refresh_lag_seconds',
      'Time since the last refresh of gold; up to 60 where all is well.',
      [],
      () => [[{}, refreshLag()]],
    ],
    [
      'sluice_archive_waiting_files',
      'Files that wait to be copied to the archive.',
      [],
      () => [[{}, archive?.()?.waitingFiles ?? 0]],
    ],
    [
      'sluice_verify_differences',
      'Differences between raw files and database that the last nightly verification found.',
      [],
      () => ofVerified(verified?.(), ({ differences }) => differences),
    ],
    [
      'sluice_verify_files',
      'Files that it looked at.',
      [],
      () => ofVerified(verified?.(), ({ changed, again }) => changed + again),
    ],
    [
      'sluice_verify_waiting_files',
      'Files that were loaded since they were last looked at, and for which it had no time left (NIGHTLY_VERIFY_MINUTES).',
      [],
      () => ofVerified(verified?.(), ({ waiting }) => waiting),
    ],
    [
      'sluice_verify_timestamp_seconds',
      'When it ended, since 1970; none of these where none has ended since the start.',
      [],
      () => ofVerified(verified?.(), ({ at }) => at / 1000),
    ],
    [
      'sluice_clock_wrong',
      "1 while this machine's clock seems wrong by what the readings say; nothing is removed as too old then.",
      [],
      () => [[{}, Number(clock().suspicion !== undefined)]],
    ],
    [
      'sluice_clock_readings_ahead_ratio',
      'Of the last readings, the share that is more than a minute ahead of the clock.',
      [],
      () => [[{}, clock().aheadShare]],
    ],
    [
      'sluice_clock_synchronized',
      '1 while a time server keeps the clock right; absent where the system does not tell.',
      ['source'],
      () => synchronizedOf(clock()),
    ],
    [
      'sluice_degraded',
      '1 for each reason why the collector is degraded, while it holds; /ready has the sentence.',
      ['reason'],
      () => reasons().map(({ name }): Value => [{ reason: name }, 1]),
    ],
    [
      'sluice_outlet_connected',
      '1 while an outlet delivers.',
      ['outlet'],
      () => outlets().map(({ name, connection }): Value => [{ outlet: name }, Number(connection.connected)]),
    ],
    [
      'sluice_outlet_waiting',
      'What an outlet has still to send: bytes of raw files, or means.',
      ['outlet', 'unit'],
      () => outlets().map(({ name, unit, waiting }): Value => [{ outlet: name, unit }, waiting]),
    ],
    [
      'sluice_outlet_stalled_seconds',
      'For how long an outlet’s consumer has confirmed nothing although something waits.',
      ['outlet'],
      () => outlets().map(({ name, stalledSeconds }): Value => [{ outlet: name }, stalledSeconds]),
    ],
  ];
}

function takenBy(taken: ReadonlyMap<string, number>, recorded: number): Value[] {
  const others = [...taken.values()].reduce((sum, n) => sum + n, 0);
  // What is noted after a group counts a moment later than what is looked up.
  const plain: Value = [{ entry: PLAIN }, Math.max(0, recorded - others)];
  return [plain, ...[...taken].map(([entry, n]): Value => [{ entry }, n])];
}

function synchronizedOf({ isSynchronized }: ClockState): Value[] {
  return isSynchronized === undefined ? [] : [[{ source: 'systemd-timesyncd' }, Number(isSynchronized)]];
}
