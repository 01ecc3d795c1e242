import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { Backoff } from '../../base/backoff.ts';
import { errorText } from '../../base/errors.ts';
import { connect, sever } from '../../db/connect.ts';
import { isLacking } from '../../db/lacking.ts';
import type { Consumer, Kind, OutletContext } from './kind.ts';
import type { OutletEntry } from './outlets-schema.ts';
import type { OutletStatus } from './protocol.ts';
import type { Batch, Supply } from './supply.ts';

/** A consumer that has not confirmed a batch within this time hangs. */
const SEND_MS = 60_000;
/** Where nothing is to be sent, it is looked again after this long. */
const IDLE_MS = 10_000;

export interface OutletOptions {
  entry: OutletEntry;
  kind: Kind;
  databaseUrl: string;
  dataDir: string;
  /** Opens what it sends from, on a connection of its own. */
  supply: (client: pg.Client) => Promise<Supply>;
  log: OutletContext['log'];
}

/** The consumer's fault, rather than the database's. */
class ConsumerError extends Error {}

/**
 * Sends to one consumer, a batch at a time. States: *connecting* to the database, with backoff; *connecting* to the
 * consumer, with backoff; *sending*: a batch is read, sent, confirmed, and then noted in the database, so that what was on its
 * way when something broke is sent again, and nothing else; *idle*, until something is stored.
 */
export class Outlet {
  readonly #options: OutletOptions;
  readonly #backoff = new Backoff(250, 30_000);
  readonly #stopping = new AbortController();
  #changed = Promise.withResolvers<void>();
  #supply: Supply | undefined;
  #away: { since: string; reason: string } | undefined = {
    since: new Date().toISOString(),
    reason: 'not connected yet',
  };
  #running: Promise<void> | undefined;
  #settledAt = performance.now();
  /** As they were when the database was last there. */
  #last: Pick<OutletStatus, 'sent' | 'skipped' | 'waiting' | 'unit'>;

  constructor(options: OutletOptions) {
    this.#options = options;
    const unit = options.entry.send === 'means' ? 'means' : 'bytes';
    this.#last = { sent: 0, skipped: 0, waiting: 0, unit };
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Something was stored or refreshed. */
  wake(): void {
    this.#changed.resolve();
  }

  /** Finishes the batch that is on its way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await this.#running;
  }

  get status(): OutletStatus {
    const { entry } = this.#options;
    const supply = this.#supply;
    if (supply !== undefined) {
      const { confirmed: sent, skipped, waiting, unit } = supply;
      this.#last = { sent, skipped, waiting, unit };
    }
    const isStalled = this.#last.waiting > 0;
    return {
      name: entry.name,
      kind: entry.kind,
      connection: this.#away === undefined ? { connected: true } : { connected: false, ...this.#away },
      ...this.#last,
      stalledSeconds: isStalled ? (performance.now() - this.#settledAt) / 1000 : 0,
    };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#withDatabase();
      } catch (error) {
        this.#noteAway(error as Error, 'the database is away for an outlet');
        await sleep(this.#backoff.next(), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #withDatabase(): Promise<void> {
    const { databaseUrl, supply: open, entry } = this.#options;
    const { signal } = this.#stopping;
    const client = await connect(databaseUrl, `sluice outlet ${entry.name}`, () => this.wake());
    client.on('notification', () => this.wake());
    try {
      await using supply = await open(client);
      this.#supply = supply;
      while (!signal.aborted) {
        try {
          await supply.look();
          await this.#withConsumer(supply);
        } catch (error) {
          if (!(error instanceof ConsumerError)) throw error;
          this.#noteAway(
            error.cause as Error,
            'an outlet cannot deliver; it tries again, and what comes waits in the raw files',
          );
          await sleep(this.#backoff.next(), undefined, { signal }).catch(() => undefined);
        }
      }
    } finally {
      this.#supply = undefined;
      sever(client);
    }
  }

  async #withConsumer(supply: Supply): Promise<void> {
    const { kind, entry, dataDir, log } = this.#options;
    const closing = new AbortController();
    const context = { name: entry.name, dataDir, log, signal: closing.signal };
    const consumer = await blame(kind.open(entry as never, context));
    try {
      await this.#feed(supply, consumer);
    } finally {
      closing.abort();
      consumer.close();
    }
  }

  async #feed(supply: Supply, consumer: Consumer): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#changed = Promise.withResolvers();
      const batch = await supply.next();
      if (batch === undefined) {
        this.#noteDelivering();
        await this.#untilChanged();
        continue;
      }
      if (batch.messages.length > 0) {
        await blame(withinTime(consumer.send(batch.messages)));
        this.#noteDelivering();
      }
      await supply.sent(batch satisfies Batch);
      this.#settledAt = performance.now();
    }
  }

  async #untilChanged(): Promise<void> {
    this.#settledAt = performance.now();
    const timer = setTimeout(() => this.wake(), IDLE_MS);
    await this.#changed.promise;
    clearTimeout(timer);
  }

  #noteDelivering(): void {
    this.#backoff.reset();
    if (this.#away === undefined) return;
    this.#away = undefined;
    this.#options.log.info({ outlet: this.#options.entry.name }, 'an outlet delivers');
  }

  /** One line when it goes away and one when the reason changes. */
  #noteAway(error: Error, message: string): void {
    const reason = errorText(error);
    if (this.#stopping.signal.aborted) return;
    // The loader migrates a database, and reports one that is away.
    if (this.#away?.reason !== reason && !isLacking(error))
      this.#options.log.warn({ outlet: this.#options.entry.name, reason }, message);
    this.#away = { since: this.#away?.since ?? new Date().toISOString(), reason };
  }
}

/** Says of what goes wrong that it is the consumer's fault. */
async function blame<T>(task: Promise<T>): Promise<T> {
  try {
    return await task;
  } catch (error) {
    throw new ConsumerError('the consumer is away', { cause: error });
  }
}

async function withinTime(task: Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${SEND_MS / 1000} s`)), SEND_MS);
  try {
    await Promise.race([task, promise]);
  } finally {
    clearTimeout(timer);
  }
}
