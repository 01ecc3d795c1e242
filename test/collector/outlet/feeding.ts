import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type TestDatabase, withDatabase } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { configFor, startCollector } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';
import { post } from '../serve/collecting.ts';

/** A message as a consumer has it, as far as these tests ask. */
export interface Received {
  /** Tells it from others, whenever it is sent. */
  id: string;
  sensor: string;
  value: number;
}

/** The other side of an outlet. */
export interface Receiver extends AsyncDisposable {
  /** Its entry in the outlets file, without the name. */
  entry: Record<string, unknown>;
  /** Everything that it has, in the order in which it came. */
  received(): Promise<Received[]>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** A collector with outlets, which takes what it records by HTTP. */
export interface Feeding {
  database: TestDatabase;
  dataDir: string;
  /** Address of the HTTP server. */
  http(): string;
  /** Records readings with the values `from` to `from + n - 1`, of three sensors in turn. */
  record(from: number, n: number): Promise<void>;
  /** Stops the collector and starts another one in its place. @param outlets what it has now. */
  restart(outlets?: readonly object[]): Promise<void>;
}

/** Lends a collector with these outlets. */
export async function withOutlets(
  outlets: readonly object[],
  use: (feeding: Feeding) => Promise<void>,
): Promise<void> {
  await withDatabase(async database => {
    await using folder = await temporaryFolder();
    const [dataDir, file] = [join(folder.path, 'data'), join(folder.path, 'outlets.yaml')];
    const env = {
      MQTT_URL: 'mqtt://127.0.0.1:1',
      DATABASE_URL: database.url,
      DATA_DIR: dataDir,
      OUTLETS_FILE: file,
      HTTP_RATE_LIMIT: '0',
    };
    const start = async () => {
      const started = await startCollector(configFor(env));
      // An outlet begins with what is stored once it is there.
      await eventually(async () =>
        expect(await database.query('SELECT FROM bronze.outlet WHERE retired_at IS NULL')).toHaveLength(
          outlets.length,
        ),
      );
      return started;
    };
    await writeFile(file, JSON.stringify({ outlets }));
    let running = await start();
    try {
      await use({
        database,
        dataDir,
        http: () => running.http,
        record: async (from, n) => {
          const lines = Array.from({ length: n }, (_, index) => readingLine(from + index)).join('');
          const answer = await post(`${running.http}/data?wait=recorded`, lines, 'text/plain');
          expect(answer.body).toEqual({ success: true });
        },
        restart: async (others = outlets) => {
          await running[Symbol.asyncDispose]();
          await writeFile(file, JSON.stringify({ outlets: others }));
          running = await start();
        },
      });
    } finally {
      await running[Symbol.asyncDispose]();
    }
  });
}

/** A line of POST /data; each value has a second of its own. */
function readingLine(value: number): string {
  return `${1_649_941_817 + value} hall/${value % 3} ${value}\n`;
}

/** The values that have arrived, each once, in order. */
export async function valuesAt(receiver: Pick<Receiver, 'received'>): Promise<number[]> {
  const values = new Set((await receiver.received()).map(({ value }) => value));
  return [...values].sort((a, b) => a - b);
}

/** The numbers from 0 to n - 1. */
export const upTo = (n: number) => Array.from({ length: n }, (_, value) => value);
