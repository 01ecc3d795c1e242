import type { ClientBase } from 'pg';
import { KEPT_SINCE } from '../silver/kept-since.ts';
import { noteChangedDays } from './changed-days.ts';
import { fillGaps } from './gap-filling.ts';
import { queueMeans } from './mean-queue.ts';
import { meanRollups, writeMinuteMeans } from './means.ts';
import { prepareOrphans } from './orphans.ts';
import { JOIN_BY_INDEX } from './planner.ts';
import { qualityRollups, writeMinuteQuality } from './quality.ts';
import { judgeFlags, prepareFlags } from './quality-flags.ts';
import { noteRefreshed, tryRefreshLock } from './refresh-lock.ts';
import { rollUp } from './rollup.ts';
import { type Span, spansOf } from './spans.ts';
import { prepareSummary, summarizeMinutes } from './summary.ts';

/** Stale marks that one transaction takes; a long catch-up is refreshed in steps. */
const MARKS_AT_ONCE = 50_000;

/** What was sent this short a time ago may not be loaded yet: nothing of it is expected. */
const LOADING = '2 seconds';

export interface RefreshOptions {
  /** Up to when readings are expected to be there; default: the database's clock less 2 s. */
  now?: Date;
  /** Called when a step is committed. */
  stepped?: () => void;
}

/** Makes the tables in which a refresh notes what it works on; private to the connection. */
export async function prepareRefresh(client: ClientBase): Promise<void> {
  await client.query(
    `CREATE TEMP TABLE IF NOT EXISTS refreshed_minute (
       bucket timestamptz, sensor_id text, silent boolean NOT NULL DEFAULT false, PRIMARY KEY (sensor_id, bucket)
     ) ON COMMIT DELETE ROWS`,
  );
  await prepareFlags(client);
  await prepareSummary(client);
  await prepareOrphans(client);
  // Flags of late readings change in compressed chunks too, as many as it takes. Plain PostgreSQL has no such setting.
  await client.query(
    `SELECT set_config(name, '0', false) FROM pg_settings
     WHERE name = 'timescaledb.max_tuples_decompressed_per_dml_transaction'`,
  );
}

/**
 * Recomputes what follows from the minutes that loads have touched, and from no others: the flags `stuck` and `jump`, the
 * means and the quality by minute, hour and day. Minutes in which a sensor was silent are counted as well.
 *
 * The marks are deleted first and everything is computed in later statements, whose snapshots hold every row that a
 * deleted mark stands for. A mark that the delete does not see belongs to a load that it does not see; the next refresh
 * has both. (test/collector/gold/refresh.test.ts, "a load during a refresh")
 * @returns how many minutes were recomputed; undefined when another collector is refreshing.
 */
export async function refreshStaleMinutes(
  client: ClientBase,
  { now, stepped }: RefreshOptions = {},
): Promise<number | undefined> {
  let minutes = 0;
  for (;;) {
    const step = await refreshStep(client, now);
    if (step === undefined) return undefined;
    stepped?.();
    minutes += step.minutes;
    if (step.marks < MARKS_AT_ONCE) return minutes;
  }
}

async function refreshStep(
  client: ClientBase,
  clock: Date | undefined,
): Promise<{ marks: number; minutes: number } | undefined> {
  await client.query(`BEGIN; ${JOIN_BY_INDEX}`);
  try {
    if (!(await tryRefreshLock(client))) {
      await client.query('ROLLBACK');
      return undefined;
    }
    const begun = await client.query<{ now: string }>(
      'SELECT coalesce($1::timestamptz, now() - $2::interval)::text AS now',
      [clock?.toISOString() ?? null, LOADING],
    );
    const { now } = begun.rows[0]!;
    const marks = await takeMarks(client);
    for (const span of await spansOf(client)) await judgeFlags(client, span);
    const minutes = await refreshedMinutes(client);
    if (marks < MARKS_AT_ONCE) await fillGaps(client, now);
    for (const span of await spansOf(client)) await recompute(client, span, now);
    await noteChangedDays(client);
    await noteRefreshed(client);
    await client.query('COMMIT');
    return { marks, minutes };
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** Deletes marks and notes their minutes. @returns how many marks. */
async function takeMarks(client: ClientBase): Promise<number> {
  const taken = await client.query<{ marks: string }>(
    `WITH taken AS (
       DELETE FROM sluice.stale_minute WHERE ctid = ANY (ARRAY(SELECT ctid FROM sluice.stale_minute LIMIT $1))
       RETURNING bucket, sensor_id
     ), noted AS (
       -- Of what is older silver may have lost readings; gold keeps what it said when they were all there.
       INSERT INTO refreshed_minute (bucket, sensor_id) SELECT DISTINCT bucket, sensor_id FROM taken WHERE bucket >= ${KEPT_SINCE}
     )
     SELECT count(*) AS marks FROM taken`,
    [MARKS_AT_ONCE],
  );
  return Number(taken.rows[0]!.marks);
}

/** How many minutes are refreshed so far, with those that only follow stale ones. */
async function refreshedMinutes(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ count: string }>('SELECT count(*) FROM refreshed_minute');
  return Number(rows[0]!.count);
}

/** Minutes, hours and days of a span. The flags are judged by now: the quality counts them. */
async function recompute(client: ClientBase, span: Span, now: string): Promise<void> {
  await summarizeMinutes(client, span);
  await writeMinuteMeans(client, span);
  await queueMeans(client, span);
  await writeMinuteQuality(client, span, now);
  for (const rollup of [...meanRollups, ...qualityRollups]) await rollUp(client, rollup, span);
}
