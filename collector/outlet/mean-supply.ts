import type pg from 'pg';
import type { ClientBase } from 'pg';
import { meanMessage, type QueuedMean } from './message.ts';
import { OUTLET_CHANNEL } from './offsets.ts';
import type { Selection } from './selection.ts';
import type { Batch, Supply } from './supply.ts';

/** A collector that sends says so this often at least; after that another one may. */
const LEASE = '60 seconds';
/** How often what is too old is looked for. */
const FORGET_MS = 60_000;

/** Means, and what the queue says of them and of those that nobody wants. */
interface MeanBatch extends Batch {
  taken: readonly Pick<QueuedMean, 'bucket' | 'sensor_id' | 'version'>[];
}

export interface MeanSupplyOptions {
  outlet: string;
  collector: string;
  from: string;
  selection: Selection;
  /** Messages of a batch, at most. */
  most: number;
  /** What is older is not sent any more; 0: everything is. */
  keptDays: number;
  log: { warn(fields: object, message: string): void };
}

/**
 * One-minute means, from the queue into which each refresh puts what it has computed. A mean is sent when its minute is over,
 * and again when readings of it come late. All collectors share the queue, and one of them sends.
 */
export class MeanSupply implements Supply<MeanBatch> {
  readonly unit = 'means';
  readonly #client: pg.Client;
  readonly #options: MeanSupplyOptions;
  #forgottenAt = Number.NEGATIVE_INFINITY;
  /** A batch is on its way; the queue has it still. */
  #isSending = false;
  waiting = 0;
  skipped = 0;
  confirmed = 0;
  refused = 0;

  private constructor(client: pg.Client, options: MeanSupplyOptions) {
    this.#client = client;
    this.#options = options;
  }

  static async open(client: pg.Client, options: MeanSupplyOptions): Promise<MeanSupply> {
    await client.query(`LISTEN ${OUTLET_CHANNEL}`);
    const { outlet, from } = options;
    const { rowCount } = await client.query(
      `INSERT INTO bronze.outlet (outlet, collector, sends) VALUES ($1, '', 'means') ON CONFLICT DO NOTHING`,
      [outlet],
    );
    if (rowCount === 1 && from !== 'now')
      await rewindMeans(client, outlet, from === 'beginning' ? '-infinity' : from);
    await client.query(
      `UPDATE bronze.outlet SET retired_at = NULL WHERE outlet = $1 AND collector = '' AND retired_at IS NOT NULL`,
      [outlet],
    );
    return new MeanSupply(client, options);
  }

  async look(): Promise<void> {
    if (!(await this.#hold())) return;
    await this.#forget();
    const { rows } = await this.#client.query<{ waiting: number }>(
      `SELECT count(*)::float8 AS waiting FROM sluice.mean_to_send
       WHERE outlet = $1 AND bucket <= now() - INTERVAL '1 minute'`,
      [this.#options.outlet],
    );
    this.waiting = rows[0]!.waiting;
  }

  async next(): Promise<MeanBatch | undefined> {
    const { outlet, selection, most } = this.#options;
    if (this.#isSending || !(await this.#hold())) return undefined;
    await this.#forget();
    const { rows } = await this.#client.query<QueuedMean & { waiting: number }>(
      `SELECT to_char(q.bucket AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS bucket, q.sensor_id, q.version::text,
         g.val_mean, g.val_min, g.val_max, g.n::float8 AS n, count(*) OVER ()::float8 AS waiting
       FROM sluice.mean_to_send q LEFT JOIN gold.reading_1min_mean g USING (bucket, sensor_id)
       WHERE q.outlet = $1 AND q.bucket <= now() - INTERVAL '1 minute'
       ORDER BY q.bucket, q.sensor_id LIMIT $2`,
      [outlet, most],
    );
    this.waiting = rows[0]?.waiting ?? 0;
    if (rows.length === 0) return undefined;
    // A minute may have lost its mean since.
    const messages = rows
      .filter(({ n }) => n !== null)
      .map(({ waiting: _, ...mean }) => meanMessage(mean))
      .filter(message => selection.has(message));
    this.#isSending = true;
    return { messages, taken: rows };
  }

  async sent(batches: readonly MeanBatch[], refused: number): Promise<void> {
    const taken = batches.flatMap(batch => batch.taken);
    const confirmed = batches.reduce((sum, { messages }) => sum + messages.length, -refused);
    await this.#client.query(
      `WITH sent AS (
         DELETE FROM sluice.mean_to_send q USING unnest($2::timestamptz[], $3::text[], $4::bigint[]) AS s (bucket, sensor_id, version)
         WHERE q.outlet = $1 AND q.bucket = s.bucket AND q.sensor_id = s.sensor_id AND q.version = s.version
       )
       UPDATE bronze.outlet SET sent = sent + $5, refused = refused + $6, sent_at = CASE WHEN $5 > 0 THEN now() ELSE sent_at END
       WHERE outlet = $1 AND collector = ''`,
      [
        this.#options.outlet,
        taken.map(({ bucket }) => bucket),
        taken.map(({ sensor_id }) => sensor_id),
        taken.map(({ version }) => version),
        confirmed,
        refused,
      ],
    );
    this.confirmed += confirmed;
    this.refused += refused;
    this.waiting -= taken.length;
    this.#isSending = false;
  }

  rewind(): void {
    this.#isSending = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client
      .query(
        `UPDATE bronze.outlet SET held_until = NULL WHERE outlet = $1 AND collector = '' AND holder = $2`,
        [this.#options.outlet, this.#options.collector],
      )
      .catch(() => undefined);
  }

  /** Whether this collector is the one that sends. */
  async #hold(): Promise<boolean> {
    const { outlet, collector } = this.#options;
    const { rows } = await this.#client.query<{ sent: number; skipped: number; refused: number }>(
      `UPDATE bronze.outlet SET holder = $2, held_until = now() + INTERVAL '${LEASE}'
       WHERE outlet = $1 AND collector = '' AND (holder = $2 OR held_until IS NULL OR held_until < now())
       RETURNING sent::float8 AS sent, skipped::float8 AS skipped, refused::float8 AS refused`,
      [outlet, collector],
    );
    this.confirmed = rows[0]?.sent ?? this.confirmed;
    this.skipped = rows[0]?.skipped ?? this.skipped;
    this.refused = rows[0]?.refused ?? this.refused;
    if (rows.length === 0) this.waiting = 0;
    return rows.length > 0;
  }

  async #forget(): Promise<void> {
    const { outlet, keptDays, log } = this.#options;
    if (keptDays === 0 || performance.now() - this.#forgottenAt < FORGET_MS) return;
    this.#forgottenAt = performance.now();
    const { rows } = await this.#client.query<{ means: number }>(
      `WITH old AS (
         DELETE FROM sluice.mean_to_send WHERE outlet = $1 AND bucket < now() - $2 * INTERVAL '24 hours' RETURNING 1
       ), counted AS (
         UPDATE bronze.outlet SET skipped = skipped + (SELECT count(*) FROM old)
         WHERE outlet = $1 AND collector = '' AND EXISTS (SELECT FROM old)
       )
       SELECT count(*)::float8 AS means FROM old`,
      [outlet, keptDays],
    );
    const { means } = rows[0]!;
    if (means > 0)
      log.warn({ outlet, means }, 'means became too old before an outlet had sent them: they are skipped');
  }
}

/** Lets an outlet send the means of a UTC date and all later ones again. @returns how many. */
export async function rewindMeans(client: ClientBase, outlet: string, date: string): Promise<number> {
  const { rowCount } = await client.query(
    `INSERT INTO sluice.mean_to_send (outlet, bucket, sensor_id)
     SELECT $1, bucket, sensor_id FROM gold.reading_1min_mean WHERE bucket >= $2::timestamptz
     ON CONFLICT (outlet, bucket, sensor_id) DO UPDATE SET version = DEFAULT`,
    [outlet, date],
  );
  await client.query('SELECT pg_notify($1, $2)', [OUTLET_CHANNEL, outlet]);
  return rowCount!;
}
