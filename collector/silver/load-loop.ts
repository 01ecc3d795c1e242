import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { Backoff } from '../../base/backoff.ts';
import { errorText } from '../../base/errors.ts';
import { connect, sever } from '../../db/connect.ts';
import { shapeHypertable } from '../../db/hypertables.ts';
import { migrate } from '../../db/migrate.ts';
import type { Durable } from '../bronze/group-writer.ts';
import { rawFolder } from '../bronze/raw-file-name.ts';
import { Backlog } from './backlog.ts';
import { BatchPolicy } from './batch-policy.ts';
import { BlockStore } from './block-store.ts';
import { addCounters, emptyCounters } from './counters.ts';
import { withinDeadline } from './deadline.ts';
import { claimLedger, OffsetMovedError } from './ledger.ts';
import type { LineDecoder } from './line-decoder.ts';
import { PresentDecoder } from './present-decoder.ts';
import type { FromLoader, LoaderData, LoaderLog, ToLoader } from './protocol.ts';
import { RejectedMessages } from './rejected-messages.ts';
import { FileReplacedError } from './replaced-file.ts';
import { prepareStaging } from './staged-store.ts';

/** A batch is never larger: it bounds the memory, and what a lost connection makes us do again. */
const MOST_BYTES = 4 * 1024 * 1024;
/** Batches do not get smaller than this, however slow the database is. */
const LEAST_BYTES = 32 * 1024;
/** A database that has not stored a batch within this time hangs, or the batch is too large for it: see `#mostBytes`. */
const DEADLINE_MS = 60_000;
/** After this long without an answer /ready says so. */
const SLOW_MS = 10_000;
/** Where nothing can be read, what else comes is looked for after this long. */
const MOST_WAIT_MS = 1000;
/** How often the rejected messages are counted. */
const REJECTS_MS = 5000;
/** Between batches the collector hears of what is pending this often. */
const REPORT_MS = 500;

/**
 * The loader. States: *connecting* (with backoff; migrates, upserts the registry, compares the files with the ledger),
 * *waiting* for a batch to be due, *storing* it. An error that blames no row leads back to *connecting*: what was not
 * committed is read again from where the ledger says.
 */
export class LoadLoop {
  readonly #data: LoaderData;
  readonly #send: (message: FromLoader) => void;
  readonly #log: LoaderLog;
  readonly #decoder: PresentDecoder;
  readonly #backlog: Backlog;
  readonly #store: BlockStore;
  readonly #rejects: RejectedMessages;
  #rejectsAt = Number.NEGATIVE_INFINITY;
  readonly #policy: BatchPolicy;
  readonly #backoff = new Backoff(250, 30_000);
  readonly #loaded = emptyCounters();
  #away: { since: string; reason: string } | undefined = {
    since: new Date().toISOString(),
    reason: 'not connected yet',
  };
  #isShaped = false;
  #isDraining = false;
  /** Halved when a batch takes too long (late rows into compressed chunks may), until batches get through again. */
  #mostBytes = MOST_BYTES;
  #heardBytes = 0;
  #reportedAt = 0;
  /** Up to where files were loaded since the last batch that was reported. */
  readonly #ends = new Map<string, number>();
  /** Why the connection broke while nobody waited for an answer. */
  #lost: Error | undefined;
  /** Resolved when something has happened that a wait may be waiting for. */
  #changed = Promise.withResolvers<void>();
  #page = Promise.withResolvers<Map<string, number> | undefined>();

  constructor(data: LoaderData, send: (message: FromLoader) => void) {
    const { config, collector } = data;
    const logAt = (level: 'info' | 'warn' | 'error') => (fields: object, message: string) =>
      send({ type: 'log', level, fields, message });
    this.#data = data;
    this.#send = send;
    this.#log = { info: logAt('info'), warn: logAt('warn'), error: logAt('error') };
    this.#decoder = new PresentDecoder(data);
    this.#backlog = new Backlog(rawFolder(config.DATA_DIR), collector, this.#log, config.LATE_MINUTES);
    this.#store = new BlockStore(collector, this.#log);
    this.#rejects = new RejectedMessages(config.DATA_DIR, collector, this.#log);
    this.#policy = new BatchPolicy(config.BATCH_ROWS, config.BATCH_MS);
  }

  /** Takes what the collector says. */
  receive(message: ToLoader): void {
    if (message.type === 'durable') this.#grow(message.files);
    else if (message.type === 'sizes') this.#page.resolve(message.page);
    else {
      if (message.type === 'reload') this.#decoder.reload(message);
      else this.#isDraining = true;
      this.#changed.resolve();
    }
  }

  async run(): Promise<never> {
    for (;;) {
      let client: pg.Client | undefined;
      try {
        client = await this.#begin();
        await this.#loadForEver(client);
      } catch (error) {
        if (error instanceof OffsetMovedError || error instanceof FileReplacedError)
          this.#log.warn({}, error.message);
        else this.#noteAway(error as Error);
      }
      if (client !== undefined) sever(client);
      await sleep(this.#backoff.next());
    }
  }

  #grow(files: readonly Durable[]): void {
    let lines = 0;
    for (const durable of files) {
      this.#heardBytes += durable.bytes;
      this.#backlog.grow(durable.file, durable.size, durable.anew, durable.marks);
      lines += durable.lines;
    }
    this.#policy.add(lines, performance.now());
    if (performance.now() - this.#reportedAt > REPORT_MS) this.#report();
    this.#changed.resolve();
  }

  #report(): void {
    this.#reportedAt = performance.now();
    const away = this.#away;
    const database =
      away === undefined ? { connected: true as const } : { connected: false as const, ...away };
    this.#send({
      type: 'status',
      status: {
        database,
        unreadable: this.#backlog.unreadable,
        pendingBytes: this.#backlog.bytes,
        loaded: this.#loaded,
      },
      heardBytes: this.#heardBytes,
    });
  }

  /** Connects and brings everything up to date: schema, registry, positions. */
  async #begin(): Promise<pg.Client> {
    const { config } = this.#data;
    this.#lost = undefined;
    const client = await connect(config.DATABASE_URL, 'sluice loader', error => {
      this.#lost = error;
      this.#changed.resolve();
    });
    const wasAway = this.#away !== undefined;
    await this.#withinDeadline(client, () => this.#prepare(client));
    // A year of many sensors takes longer than the database may take for one answer.
    await this.#backlog.synchronise(this.#sizes(), compare =>
      this.#withinDeadline(client, () => compare(client)),
    );
    if (wasAway) this.#log.info({ pendingBytes: this.#backlog.bytes }, 'connected to the database');
    if (this.#backlog.bytes > 0) this.#policy.taken(true, performance.now());
    this.#report();
    return client;
  }

  async #prepare(client: pg.Client): Promise<void> {
    const { config, collector, writer } = this.#data;
    await this.#decoder.listen(client);
    await migrate(config.DATABASE_URL, (message, level) => this.#log[level]({}, message));
    if (!this.#isShaped) await shapeHypertable(client, config, message => this.#log.warn({}, message));
    this.#isShaped = true;
    if (writer !== undefined) await claimLedger(client, collector, writer);
    await this.#decoder.register(client);
    await prepareStaging(client);
  }

  /** Every raw file and up to where it is durable, some at a time. */
  async *#sizes(): AsyncGenerator<Map<string, number>> {
    for (let anew = true; ; anew = false) {
      this.#page = Promise.withResolvers();
      this.#send({ type: 'sizes', anew });
      const page = await this.#page.promise;
      if (page === undefined) return;
      yield page;
    }
  }

  async #withinDeadline(client: pg.Client, task: () => Promise<void>): Promise<void> {
    const since = new Date().toISOString();
    const onSlow = () => {
      this.#away ??= { since, reason: 'the database has not answered yet' };
      this.#report();
    };
    await withinDeadline(client, { ms: DEADLINE_MS, slowMs: SLOW_MS, onSlow }, task);
    this.#away = undefined;
  }

  #noteAway(error: Error): void {
    const reason = errorText(error);
    // One line when it goes away and one when the reason changes; a day of retries is not a day of log lines.
    if (this.#away === undefined || this.#away.reason !== reason) {
      const { path } = error as NodeJS.ErrnoException;
      if (path !== undefined) this.#log.error({ reason }, 'cannot read the raw files; recording goes on');
      else
        this.#log.warn(
          { reason },
          'the database is away; recording goes on, and loading goes on when it is back',
        );
    }
    this.#away = { since: this.#away?.since ?? new Date().toISOString(), reason };
    this.#report();
  }

  async #loadForEver(client: pg.Client): Promise<never> {
    await this.#decoder.register(client);
    let decoder = await this.#decoder.load(client);
    for (;;) {
      await this.#due();
      if (this.#untilRejects <= 0) {
        this.#rejectsAt = performance.now();
        await this.#withinDeadline(client, () => this.#rejects.count(client));
        continue;
      }
      if (this.#decoder.isDue) {
        // Whoever changes the registry may have removed sensors.
        if (this.#decoder.isOutdated) this.#store.forgetSeen();
        await this.#withinDeadline(client, () => this.#decoder.register(client));
        decoder = await this.#decoder.load(client);
        continue;
      }
      await this.#loadBatch(client, decoder);
      this.#report();
    }
  }

  /** ms until the rejected messages are looked at. */
  get #untilRejects(): number {
    return this.#rejectsAt + REJECTS_MS - performance.now();
  }

  /** Resolves when a batch is due, or the rejected messages are; rejects when the connection is lost meanwhile. */
  async #due(): Promise<void> {
    for (;;) {
      if (this.#lost !== undefined) throw this.#lost;
      const wait = this.#policy.untilDue(performance.now());
      const pending = this.#backlog.bytes > 0;
      const most = this.#untilRejects;
      if ((pending && (wait === 0 || this.#isDraining)) || most <= 0 || this.#decoder.isOutdated) return;
      if (!pending && this.#isDraining) this.#send({ type: 'drained' });
      this.#changed = Promise.withResolvers();
      const { resolve } = this.#changed;
      const timer = setTimeout(resolve, pending && wait !== undefined ? Math.min(wait, most) : most);
      await this.#changed.promise;
      clearTimeout(timer);
    }
  }

  async #loadBatch(client: pg.Client, decoder: LineDecoder): Promise<void> {
    await this.#withinDeadline(client, () => this.#backlog.resolve(client));
    const blocks = this.#backlog.read(this.#mostBytes);
    const decompressed = this.#backlog.decompress();
    if (blocks.length === 0) {
      await decompressed;
      await sleep(Math.min(MOST_WAIT_MS, this.#backlog.untilReadable));
      return;
    }
    const bytes = blocks.reduce((sum, block) => sum + block.bytes.length, 0);
    // What arrives while this batch is stored waits for the next one.
    this.#policy.taken(bytes < this.#backlog.bytes, performance.now());
    this.#mostBytes = Math.max(LEAST_BYTES, this.#mostBytes >> 1);
    const before = { lines: this.#loaded.lines, ms: performance.now() };
    await this.#withinDeadline(client, () =>
      this.#store.store(client, blocks, decoder, (counters, ends) => {
        addCounters(this.#loaded, counters);
        for (const [file, end] of ends) {
          this.#backlog.advance(file, end);
          this.#ends.set(file, end.offset);
        }
      }),
    );
    this.#send({
      type: 'batch',
      lines: this.#loaded.lines - before.lines,
      seconds: (performance.now() - before.ms) / 1000,
      files: [...this.#ends],
      refused: [...this.#store.takeRefused()],
    });
    this.#ends.clear();
    this.#backoff.reset();
    // It was halved above, so this doubles it.
    this.#mostBytes = Math.min(MOST_BYTES, this.#mostBytes * 4);
  }
}
