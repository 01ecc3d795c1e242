import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { pino } from 'pino';
import { expect } from 'vitest';
import { type Config, readConfig } from '../../base/config.ts';
import { Collector } from '../../collector/collector.ts';
import { prepareRefresh, refreshStaleMinutes } from '../../collector/gold/refresh.ts';
import type { Broker } from './broker.ts';
import { type DatabaseServer, type TestDatabase, withDatabase } from './database.ts';
import { eventually } from './eventually.ts';
import { temporaryFolder } from './server.ts';

export const silent = pino({ level: 'silent' });

/** Settings for a test: quiet, any free port, small batches. */
export function configFor(env: Record<string, string>): Config {
  return readConfig({ LOG_LEVEL: 'silent', HTTP_PORT: '0', BATCH_MS: '20', ...env });
}

/** What a pipeline runs between. */
export interface Surroundings {
  broker: Broker;
  database: TestDatabase;
  dataDir: string;
  config: Config;
}

/** Lends a broker, a database and a data folder, and settings that name them. */
export async function withSurroundings(
  server: DatabaseServer,
  startBroker: () => Promise<Broker>,
  use: (surroundings: Surroundings) => Promise<void>,
): Promise<void> {
  await using broker = await startBroker();
  await using folder = await temporaryFolder();
  await withDatabase(
    database => {
      const dataDir = join(folder.path, 'data');
      const env = { MQTT_URL: broker.url, DATABASE_URL: database.url, DATA_DIR: dataDir };
      return use({ broker, database, dataDir, config: configFor(env) });
    },
    { server },
  );
}

/** A collector that runs, and the address of its HTTP server. It stops, cleanly, at the end of the scope. */
export async function startCollector(
  config: Config,
): Promise<AsyncDisposable & { collector: Collector; http: string }> {
  const collector = new Collector(config, silent);
  const http = await collector.start();
  return { collector, http, [Symbol.asyncDispose]: () => collector.stop() };
}

/** What /ready says, and its status code. */
// biome-ignore lint/suspicious/noExplicitAny: the shape is what the tests are about.
export async function readyOf(http: string): Promise<{ code: number; body: any }> {
  const response = await fetch(`${http}/ready`);
  return { code: response.status, body: await response.json() };
}

/** Resolves when the broker has granted the collector its subscription. */
export async function receiving(http: string): Promise<void> {
  await eventually(async () => expect((await readyOf(http)).body.broker).toMatchObject({ connected: true }));
}

/** The lines of every file of `raw` or `rejected`, by file name. Fails where a file does not end in a line end. */
export async function linesIn(folder: string): Promise<Map<string, string[]>> {
  const lines = new Map<string, string[]>();
  for (const name of (await readdir(folder)).filter(name => name.endsWith('.jsonl')).sort()) {
    const text = await readFile(join(folder, name), 'utf8');
    expect(text === '' || text.endsWith('\n'), `${name} ends in a line end`).toBe(true);
    lines.set(name, text.split('\n').slice(0, -1));
  }
  return lines;
}

/** How many lines all the files of a folder have. */
export async function countLines(folder: string): Promise<number> {
  return [...(await linesIn(folder)).values()].reduce((sum, lines) => sum + lines.length, 0);
}

/** The ledger's sums over all files. */
export async function ledgerOf(database: TestDatabase) {
  const [sums] = await database.query<Record<string, number>>(
    `SELECT sum(lines)::int AS lines, sum(stored)::int AS stored, sum(duplicates)::int AS duplicates,
       sum(conflicts)::int AS conflicts, sum(rejected)::int AS rejected FROM bronze.raw_file`,
  );
  return sums!;
}

/** Resolves when this many lines of raw files are in the ledger. */
export async function loaded(database: TestDatabase, lines: number): Promise<void> {
  await eventually(async () => expect((await ledgerOf(database)).lines).toBe(lines));
}

/** Refreshes the one-minute means on a connection of our own, rather than waiting for second 5 of the minute. */
export async function refresh(database: TestDatabase): Promise<void> {
  const client = new pg.Client(database.url);
  await client.connect();
  try {
    await prepareRefresh(client);
    await refreshStaleMinutes(client);
  } finally {
    await client.end();
  }
}
