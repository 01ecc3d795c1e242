/* The thread of one run for `LakeJob`, and ends. Its error is the error of the thread. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Config } from '../../../base/config.ts';
import { ObjectStore } from '../../../base/objects/object-store.ts';
import { giveWay } from '../../../base/thread-priority.ts';
import { connect } from '../../../db/connect.ts';
import { LakeWriting, type LakeWritten } from './lake-writing.ts';

export interface LakeData {
  config: Config;
  /** `s3://bucket/prefix`. */
  url: string;
  collector: string;
}

/** A day is written again when something of it has changed, but not for each late reading. */
const REST_HOURS = 6;

giveWay();
const { config, url, collector } = workerData as LakeData;
const stopping = new AbortController();
parentPort!.once('message', () => stopping.abort(new Error('the collector stops')));
// Else it would keep the thread.
parentPort!.unref();
const client = await connect(config.DATABASE_URL, 'sluice lake', () => undefined);
try {
  using store = await ObjectStore.open(config, url, stopping.signal);
  const options = { client, store, config, collector, restHours: REST_HOURS, signal: stopping.signal };
  const written: LakeWritten = await new LakeWriting(options).run();
  parentPort!.postMessage(written);
} finally {
  await client.end().catch(() => undefined);
}
