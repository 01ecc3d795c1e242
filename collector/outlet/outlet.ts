import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { Backoff } from '../../base/backoff.ts';
import { errorText } from '../../base/errors.ts';
import { connect, sever } from '../../db/connect.ts';
import { isLacking } from '../../db/lacking.ts';
import { DeadLetters } from './dead-letters.ts';
import type { Consumer, Kind, OutletContext } from './kind.ts';
import type { OutletEntry } from './outlets-schema.ts';
import type { OutletStatus } from './protocol.ts';
import { ConsumerError, SendWindow } from './send-window.ts';
import type { Supply } from './supply.ts';

/** Where nothing is to be sent, it is looked again after this long. */
const IDLE_MS = 10_000;
/** How often it is looked what waits, while the consumer is waited for. */
const LOOK_MS = 2000;

export interface OutletOptions {
  entry: OutletEntry;
  kind: Kind;
  databaseUrl: string;
  dataDir: string;
  /** Opens what it sends from, on a connection of its own. @param most messages of a batch. */
  supply: (client: pg.Client, most: number) => Promise<Supply>;
  log: OutletContext['log'];
}

/**
 * Sends to one consumer. States: *connecting* to the database, with backoff; *connecting* to the consumer, with backoff;
 * *sending*: batches are read, sent, confirmed, and then noted in the database (`SendWindow`), so that what was on its way when
 * something broke is sent again, and nothing else; *idle*, until something is stored.
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
  #last: Pick<OutletStatus, 'sent' | 'skipped' | 'refused' | 'waiting' | 'unit'>;

  constructor(options: OutletOptions) {
    this.#options = options;
    const unit = options.entry.send === 'means' ? 'means' : 'bytes';
    this.#last = { sent: 0, skipped: 0, refused: 0, waiting: 0, unit };
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
      const { confirmed: sent, skipped, refused, waiting, unit } = supply;
      this.#last = { sent, skipped, refused, waiting, unit };
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
    using closing = new DisposableStack();
    try {
      await using supply = await open(client, this.#batchSize);
      this.#supply = supply;
      // While the consumer hangs, or is away, what waits for it is known all the same. Who uses the connection next reports it.
      const looking = setInterval(() => void supply.look().catch(() => undefined), LOOK_MS);
      closing.defer(() => clearInterval(looking));
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
    const deadLetters = new DeadLetters(dataDir, entry.name);
    const context = { name: entry.name, deadLetters, log, signal: closing.signal };
    const consumer = await kind.open(entry as never, context).catch((error: unknown) => {
      throw new ConsumerError(error);
    });
    try {
      await this.#feed(supply, consumer);
    } finally {
      closing.abort();
      consumer.close();
      supply.rewind();
    }
  }

  async #feed(supply: Supply, consumer: Consumer): Promise<void> {
    const { entry, kind } = this.#options;
    const window = new SendWindow(supply, consumer, {
      batches: kind.window ?? 1,
      messages: entry.in_flight,
      onNoted: () => {
        this.#settledAt = performance.now();
        this.#noteDelivering();
      },
    });
    while (!this.#stopping.signal.aborted) {
      this.#changed = Promise.withResolvers();
      const { changed } = window;
      const batch = window.hasRoom(this.#batchSize) ? await supply.next() : undefined;
      if (batch !== undefined) window.send(batch);
      else if (window.isEmpty) await this.#idle();
      else await Promise.race([changed, this.#changed.promise]);
      await window.throwFailure();
    }
    await window.drain();
  }

  /** Nothing is to be sent: until something is. */
  async #idle(): Promise<void> {
    this.#settledAt = performance.now();
    this.#noteDelivering();
    const timer = setTimeout(() => this.wake(), IDLE_MS);
    await this.#changed.promise;
    clearTimeout(timer);
  }

  /** While the consumer has its batches, another one is read, or noted. */
  get #batchSize(): number {
    const { entry, kind } = this.#options;
    return Math.ceil(entry.in_flight / ((kind.window ?? 1) + 1));
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
