import type { Consumer } from './kind.ts';
import type { Batch, Supply } from './supply.ts';

/** A consumer that has not confirmed a batch within this time hangs. */
const SEND_MS = 60_000;

/** The consumer's fault, rather than the database's. */
export class ConsumerError extends Error {
  constructor(cause: unknown) {
    super('the consumer is away', { cause });
    this.name = 'ConsumerError';
  }
}

interface OnItsWay<B extends Batch> {
  batch: B;
  /** How many messages the consumer has refused; undefined: it has not answered yet. */
  refused: number | undefined;
}

interface Limits {
  /** Batches that the consumer may have at once. */
  batches: number;
  /** Messages that may be on their way: read, and not noted yet. */
  messages: number;
  /** Called when some are noted. */
  onNoted: () => void;
}

/**
 * Batches on their way to a consumer: *sent*, *confirmed* by it, and *noted* in the database, each in the order in which they
 * were read. While one is confirmed the next ones are sent, and what was confirmed meanwhile is noted together: a commit
 * takes as long for one batch as for many.
 */
export class SendWindow<B extends Batch> {
  readonly #supply: Supply<B>;
  readonly #consumer: Consumer;
  readonly #limits: Limits;
  readonly #queue: OnItsWay<B>[] = [];
  #messages = 0;
  #sending = 0;
  #noting: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(supply: Supply<B>, consumer: Consumer, limits: Limits) {
    this.#supply = supply;
    this.#consumer = consumer;
    this.#limits = limits;
  }

  /** Whether another batch may be sent. @param messages that it may have. */
  hasRoom(messages: number): boolean {
    if (this.#queue.length === 0) return true;
    const { batches: most, messages: mostMessages } = this.#limits;
    return this.#sending < most && this.#messages + messages <= mostMessages;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** Resolves when something is confirmed or noted from now on, or fails. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** Sends a batch, behind those that are on their way. */
  send(batch: B): void {
    const entry: OnItsWay<B> = { batch, refused: batch.messages.length === 0 ? 0 : undefined };
    this.#queue.push(entry);
    this.#messages += batch.messages.length;
    if (entry.refused === undefined) void this.#send(entry);
    else this.#note();
  }

  /** @throws {ConsumerError} @throws errors of the database; what was confirmed before is noted by then. */
  async throwFailure(): Promise<void> {
    if (this.#failure === undefined) return;
    await this.#noting;
    throw this.#failure.error;
  }

  /** Waits until everything is noted. @throws as `throwFailure`. */
  async drain(): Promise<void> {
    while (!this.isEmpty && this.#failure === undefined) await this.changed;
    await this.throwFailure();
  }

  async #send(entry: OnItsWay<B>): Promise<void> {
    this.#sending++;
    try {
      entry.refused = await withinTime(this.#consumer.send(entry.batch.messages));
      // After a failure it is sent again, with what came before it.
      if (this.#failure === undefined) this.#note();
    } catch (error) {
      this.#fail(new ConsumerError(error));
    }
    this.#sending--;
    this.#tell();
  }

  /** Notes what is confirmed, unless that is under way: then it goes on with what has come since. */
  #note(): void {
    this.#noting ??= this.#noteAll().finally(() => {
      this.#noting = undefined;
      this.#tell();
    });
  }

  async #noteAll(): Promise<void> {
    try {
      for (;;) {
        const open = this.#queue.findIndex(({ refused }) => refused === undefined);
        const confirmed = this.#queue.slice(0, open === -1 ? undefined : open);
        if (confirmed.length === 0) return;
        const refused = confirmed.reduce((sum, entry) => sum + entry.refused!, 0);
        await this.#supply.sent(
          confirmed.map(({ batch }) => batch),
          refused,
        );
        this.#queue.splice(0, confirmed.length);
        for (const { batch } of confirmed) this.#messages -= batch.messages.length;
        this.#limits.onNoted();
        this.#tell();
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The first failure counts: others follow from it. */
  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#tell();
  }

  #tell(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }
}

async function withinTime<T>(task: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${SEND_MS / 1000} s`)), SEND_MS);
  try {
    return await Promise.race([task, promise]);
  } finally {
    clearTimeout(timer);
  }
}
