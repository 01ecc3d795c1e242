import pg, { type PoolClient } from 'pg';
import type { Logger } from 'pino';
import { errorText } from '../../base/errors.ts';
import { Problem, unavailable } from '../../base/http/problem.ts';
import { sever } from '../../db/connect.ts';
import { remedyOf } from '../silver/remedy.ts';
import type { Throttle } from './throttle.ts';

/** Answers that are streamed at once. Each has a connection and a transaction of its own. */
const MOST_STREAMS = 4;
/** Connections beside those: a short question does not wait for a long answer. */
const MOST_QUESTIONS = 2;
/** How long a connection is waited for: until one is made, or another reader gives one back. */
const PATIENCE_MS = 5000;
const STATEMENT_MS = 10_000;
/** However slowly it is read, a stream ends after this time: its transaction keeps the database from tidying up. */
export const STREAM_MS = 30 * 60_000;
/** After this long without an answer the connection is taken for dead. */
const SILENCE_MS = 20_000;
/** How long a stop waits for what is still being asked. */
const STOP_MS = 3000;

/* What is read is in UTC and exact, and nothing is written. */
const SESSION = `
  SET default_transaction_read_only = on; SET TIME ZONE 'UTC'; SET datestyle = 'ISO'; SET extra_float_digits = 1;
  SET statement_timeout = ${STATEMENT_MS}; SET lock_timeout = ${PATIENCE_MS}`;

/**
 * What reading asks of the database, on connections of its own, made when they are first needed. Long answers have other
 * connections than short ones: a pool's size is how many there may be at once.
 */
export class Reads {
  readonly #questions: pg.Pool;
  readonly #streams: pg.Pool;
  readonly #throttle: Throttle;
  readonly #log: Logger;
  readonly #slowMs: number;
  /** Called after each short question: how long the database took for it, in seconds. */
  onAnswered: (query: string, seconds: number) => void = () => undefined;

  /** @param slowMs an answer that takes longer is logged; 0: none is. */
  constructor(url: string, log: Logger, throttle: Throttle, slowMs: number) {
    this.#throttle = throttle;
    this.#slowMs = slowMs;
    this.#log = log;
    this.#questions = newPool(url, MOST_QUESTIONS, log);
    this.#streams = newPool(url, MOST_STREAMS, log);
  }

  /**
   * Asks for few rows.
   * @param name of the question, for log and metrics: one of a few words.
   * @throws {Problem} 503 where the database cannot answer.
   */
  query<Row extends pg.QueryResultRow>(name: string, sql: string, values: unknown[] = []): Promise<Row[]> {
    return this.#throttle.turn(async () => {
      const client = await lend(this.#questions);
      try {
        const began = performance.now();
        const { rows } = await answered(client, client.query<Row>(sql, values));
        client.release();
        this.#answered(name, sql, performance.now() - began);
        return rows;
      } catch (error) {
        giveBack(client, error);
        throw problemOf(error);
      }
    });
  }

  #answered(query: string, text: string, ms: number): void {
    this.onAnswered(query, ms / 1000);
    if (this.#slowMs === 0 || ms < this.#slowMs) return;
    const sql = text.trim().replaceAll(/\s+/g, ' ').slice(0, 200);
    this.#log.warn({ query, ms: Math.round(ms), sql }, 'the database was slow to answer a reader');
  }

  /**
   * Lends a connection to a generator, each step of which is a short piece of work, such as the next batch of a cursor.
   * Leaving the loop ends the generator, which is to end what it has begun.
   * @throws {Problem} 503 where the database cannot answer.
   */
  async *stream<T>(use: (client: PoolClient) => AsyncGenerator<T>): AsyncGenerator<T> {
    yield* this.#steps(await lend(this.#streams), use);
  }

  async *#steps<T>(client: PoolClient, use: (client: PoolClient) => AsyncGenerator<T>): AsyncGenerator<T> {
    const steps = use(client);
    let failure: unknown;
    try {
      for (;;) {
        const { value, done } = await this.#throttle.turn(() => answered(client, steps.next()));
        if (done) return;
        yield value;
      }
    } catch (error) {
      failure = error;
      throw problemOf(error);
    } finally {
      // Also where the reader has left the loop: then nothing behind it is run.
      await answered(client, steps.return(undefined)).catch(error => {
        failure ??= error;
      });
      giveBack(client, failure);
    }
  }

  /** Gives the connections back; one that a question is still waiting on, after 3 s at the latest. */
  async stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, STOP_MS);
    await Promise.race([Promise.all([this.#questions.end(), this.#streams.end()]), promise]);
    clearTimeout(timer);
  }
}

function newPool(url: string, max: number, log: Logger): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'sluice http',
    max,
    connectionTimeoutMillis: PATIENCE_MS,
    keepAlive: true,
    allowExitOnIdle: true,
  });
  const broke = (error: Error) => log.debug({ err: error }, 'a connection for readers broke');
  pool.on('error', broke);
  pool.on('connect', client => {
    // The pool listens to those that nobody has; an error that nobody listens to would end the process.
    client.on('error', broke);
    // Queries wait in line behind it; where it fails, they do.
    void client.query(SESSION).catch(() => undefined);
  });
  return pool;
}

/** @throws {Problem} 503 where the database does not answer, or all connections are in use. */
async function lend(pool: pg.Pool): Promise<PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    const inUse = pool.totalCount - pool.idleCount;
    if (inUse >= pool.options.max) throw unavailable(`${inUse} others are reading already.`, 5);
    throw unavailable(`The database cannot be reached: ${errorText(error)}.`, 5);
  }
}

/** The answer; a connection on which none comes is cut, which makes it fail. */
async function answered<T>(client: PoolClient, answer: Promise<T>): Promise<T> {
  const timer = setTimeout(() => sever(client as unknown as pg.Client), SILENCE_MS);
  try {
    return await answer;
  } finally {
    clearTimeout(timer);
  }
}

/** After an error: where it was the query's fault alone the connection is as good as before, but who knows. */
function giveBack(client: PoolClient, failure?: unknown): void {
  client.release(failure instanceof Error ? failure : failure !== undefined);
}

/** What a failed query means for who has asked. What blames the question itself is an error of ours. */
function problemOf(error: unknown): unknown {
  if (error instanceof Problem || isOurs(error)) return error;
  const tooLong = (error as { code?: string }).code === '57014';
  const why = tooLong ? 'it took too long' : errorText(error);
  return unavailable(`The database cannot answer: ${why}.`, tooLong ? 30 : 5);
}

/** A statement that can never work: bad syntax or bad data. A missing table (42P01) is there when the loader has migrated. */
function isOurs(error: unknown): boolean {
  const { code = '' } = error as { code?: string };
  return (
    remedyOf(error) === 'bisect' || (code.startsWith('42') && !/^42(?:P01|501|704|883|703|P06)$/.test(code))
  );
}
