import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { sever } from '../db/connect.ts';
import { until } from '../test/harness/eventually.ts';
import type { Bench } from './bench.ts';

/** Of the time during which something is awaited, this part at most goes into asking for it. */
const ASKING_SHARE = 0.1;
const LEAST_PAUSE_MS = 5;
const PATIENCE_MS = 20 * 60_000;

/** SQLSTATE of ending a process of the server's own. */
const INSUFFICIENT_PRIVILEGE = '42501';
const DROP_TRIES = 20;
const DROP_PAUSE_MS = 500;

/** A database for one measurement, dropped at its end. */
export class BenchDatabase implements AsyncDisposable {
  readonly name: string;
  readonly url: string;
  readonly client: pg.Client;
  readonly #bench: Bench;
  readonly #sever = () => sever(this.client);

  private constructor(bench: Bench, name: string, url: string, client: pg.Client) {
    this.#bench = bench;
    this.name = name;
    this.url = url;
    this.client = client;
    // A query may take minutes; whoever waits for it gets an error at once.
    bench.signal.addEventListener('abort', this.#sever);
  }

  /**
   * Makes a database. PostgreSQL writes all its dirty pages on the way (a checkpoint, for `file_copy`), so that no round pays
   * for what the last one left.
   * @param template a database to copy, to which nobody is connected.
   */
  static async create(bench: Bench, template = 'template1'): Promise<BenchDatabase> {
    const name = `bench_${randomBytes(4).toString('hex')}`;
    await administer(bench.serverUrl, `CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
    const url = new URL(bench.serverUrl);
    url.pathname = `/${name}`;
    const client = new pg.Client({ connectionString: url.href, application_name: 'bench' });
    // A server that stops ends the connection; whoever waits for an answer gets an error anyway.
    client.on('error', () => undefined);
    await client.connect();
    return new BenchDatabase(bench, name, url.href, client);
  }

  /** The first row of an answer. */
  async row<Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<Row> {
    return (await this.client.query<Row>(sql, values)).rows[0]!;
  }

  /** Waits until so many recorded lines are committed, by the ledger. @returns when that was seen, in ms since 1970. */
  untilLines(lines: number, patienceMs = PATIENCE_MS): Promise<number> {
    return this.#untilNumber('SELECT coalesce(sum(lines), 0) AS n FROM bronze.raw_file', lines, patienceMs);
  }

  /** Waits until a table has so many rows. Asks by counting them, so it is for small tables; one that is missing has none. */
  async untilRows(rows: number, table = 'silver.sensor_reading'): Promise<number> {
    await until(
      `the table ${table}`,
      async () => (await this.row<{ is: boolean }>('SELECT to_regclass($1) IS NOT NULL AS is', [table])).is,
      { signal: this.#bench.signal },
    );
    return this.#untilNumber(`SELECT count(*) AS n FROM ${table}`, rows);
  }

  async #untilNumber(sql: string, least: number, patienceMs = PATIENCE_MS): Promise<number> {
    const deadline = performance.now() + patienceMs;
    while (performance.now() < deadline) {
      const began = performance.now();
      const { n } = await this.row<{ n: string }>(sql);
      if (Number(n) >= least) return Date.now();
      const pause = Math.max(LEAST_PAUSE_MS, (performance.now() - began) / ASKING_SHARE);
      await sleep(pause, undefined, { signal: this.#bench.signal });
    }
    throw new Error(`waited ${patienceMs / 60_000} minutes for ${least} lines in the database`);
  }

  /** Disconnects: only then can the database be a template. */
  async release(): Promise<void> {
    await this.client.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#bench.signal.removeEventListener('abort', this.#sever);
    await this.client.end().catch(() => undefined);
    await this.#drop().catch(error => {
      if (!this.#bench.signal.aborted) throw error;
    });
  }

  /** An autovacuum that has just begun there is not ours to end; it makes way by itself. */
  async #drop(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await administer(this.#bench.serverUrl, `DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`);
      } catch (error) {
        if ((error as { code?: string }).code !== INSUFFICIENT_PRIVILEGE || tries === DROP_TRIES) throw error;
        await sleep(DROP_PAUSE_MS);
      }
    }
  }
}

async function administer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
