import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type pg from 'pg';
import { zoneOf } from '../../../base/time.ts';
import { Recorder } from '../../../collector/bronze/recorder.ts';
import { defaultTopics } from '../../../collector/payload/topics.ts';
import { compressRawFiles } from '../../../collector/retention/raw-compression.ts';
import { removeRawFiles } from '../../../collector/retention/raw-retention.ts';
import { forgetReadings } from '../../../collector/retention/silver-retention.ts';
import { connect } from '../../../db/connect.ts';
import { declareRetention } from '../../../db/retention-policy.ts';
import { type Pipeline, silent, withPipeline } from '../../commands/verify/pipeline.ts';
import type { DatabaseServer } from '../../harness/database.ts';
import { sizesOf } from '../../harness/lines.ts';

/** When the recorders of these tests live. */
const NOW = Date.UTC(2025, 10, 12, 12);
const zone = zoneOf('UTC');
const DAY_MS = 86_400_000;

/** A recorder in a data folder; it stops at the end of the scope. */
export async function startRecorder(
  dataDir: string,
  { repair = false, hourly }: { repair?: boolean; hourly?: string | undefined } = {},
) {
  const recorder = new Recorder({
    dataDir,
    topics: defaultTopics(['#'], zone),
    lateMinutes: 5,
    hourly,
    descriptors: 64,
    log: silent,
    now: () => NOW,
  });
  await recorder.start(repair);
  return recorder;
}

/** Raw files, a recorder, a database, and the work of a night, one thing at a time. */
export class House {
  readonly pipeline: Pipeline;
  recorder: Recorder;

  constructor(pipeline: Pipeline, recorder: Recorder) {
    this.pipeline = pipeline;
    this.recorder = recorder;
  }

  /** Resolves when the readings are on disk. */
  async record(...payloads: string[]): Promise<void> {
    await Promise.all(
      payloads.map(payload => this.recorder.record('sensors/1', Buffer.from(payload)).durable),
    );
  }

  /** Loads everything, and refreshes. */
  async load(): Promise<void> {
    await this.pipeline.load(1024 * 1024, await sizesOf(this.recorder));
    await this.pipeline.refresh();
  }

  /** Ends the recorder, as a crash or a stop does, and starts another. */
  async restart({ repair = true, partition = 'sensor' as 'sensor' | 'hour' } = {}): Promise<void> {
    await this.recorder.stop();
    const hourly = partition === 'hour' ? this.pipeline.collector : undefined;
    this.recorder = await startRecorder(this.pipeline.dataDir, { repair, hourly });
  }

  compress(before: string): Promise<number> {
    return this.#connected(client => compressRawFiles(client, this.#raw, before));
  }

  remove(before: string): Promise<number> {
    return this.#connected(client => removeRawFiles(client, this.#raw, before));
  }

  /** As a night does that keeps the days from `before` (a UTC date) on. */
  forget(before: string) {
    const clock = Date.now();
    const days = Math.floor(clock / DAY_MS) - Date.parse(before) / DAY_MS;
    return this.#connected(async client => {
      await declareRetention(client, days, message => {
        throw new Error(message);
      });
      return forgetReadings(client, { days, clock });
    });
  }

  /** Names in the raw folder. */
  async names(): Promise<string[]> {
    return (await readdir(this.pipeline.raw)).sort();
  }

  get #raw() {
    const { dataDir, collector } = this.pipeline;
    return { dataDir, collector, recorder: this.recorder, log: silent };
  }

  async #connected<T>(use: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = await connect(this.pipeline.database.url, 'sluice test', () => undefined);
    try {
      return await use(client);
    } finally {
      await client.end();
    }
  }
}

export async function withHouse(
  use: (house: House) => Promise<void>,
  server?: DatabaseServer,
): Promise<void> {
  await withPipeline(async pipeline => {
    const house = new House(pipeline, await startRecorder(pipeline.dataDir));
    try {
      await use(house);
    } finally {
      await house.recorder.stop();
    }
  }, server);
}

/** The text of a raw file, in whatever form it is. */
export async function textOf(folder: string, name: string): Promise<string> {
  const plain = await readFile(join(folder, name)).catch(() => undefined);
  return (plain ?? gunzipSync(await readFile(join(folder, `${name}.gz`)))).toString();
}
