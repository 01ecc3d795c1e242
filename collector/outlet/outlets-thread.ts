import { parentPort, workerData } from 'node:worker_threads';
import { giveWay } from '../../base/thread-priority.ts';
import type { connect } from '../../db/connect.ts';
import { readWrittenTopics } from '../payload/configured-topics.ts';
import { FileSupply } from './file-supply.ts';
import { kinds } from './kinds.ts';
import { MeanSupply } from './mean-supply.ts';
import { retireOutlets } from './offsets.ts';
import { Outlet } from './outlet.ts';
import type { OutletEntry } from './outlets-schema.ts';
import type { FromOutlets, OutletsData, ToOutlets } from './protocol.ts';
import { Selection } from './selection.ts';

/* The thread in which the outlets run: see `Outlet`, and `Outlets` for the other side. */

const STATUS_MS = 1000;

// Recording and loading go first.
giveWay();

const port = parentPort!;
const { config, collector, topics: text, outlets: entries } = workerData as OutletsData;
const send = (message: FromOutlets) => port.postMessage(message);
const logAt = (level: 'info' | 'warn' | 'error') => (fields: object, message: string) =>
  send({ type: 'log', level, fields, message });
const log = { info: logAt('info'), warn: logAt('warn'), error: logAt('error') };
const topics = readWrittenTopics(text, config.SENSOR_TIMEZONE);
/** Those that are open at present; what grows meanwhile is found when the next is opened. */
const supplies = new Map<string, FileSupply>();

/** Opens what an outlet sends from. */
function supplyOf(entry: OutletEntry) {
  const { name, send: sends, from } = entry;
  const selection = new Selection(entry);
  return async (client: Awaited<ReturnType<typeof connect>>, most: number) => {
    await retireOutlets(
      client,
      collector,
      entries.map(({ name }) => name),
    );
    if (sends === 'means') {
      const keptDays = config.RAW_RETENTION_DAYS;
      return MeanSupply.open(client, { outlet: name, collector, from, selection, most, keptDays, log });
    }
    const supply = await FileSupply.open(client, {
      key: { outlet: name, collector },
      from,
      selection,
      most,
      dataDir: config.DATA_DIR,
      topics,
      lateMinutes: config.LATE_MINUTES,
      zone: config.SENSOR_TIMEZONE,
      log,
    });
    supplies.set(name, supply);
    return supply;
  };
}

const outlets = entries.map(entry => {
  const kind = kinds.find(({ name }) => name === entry.kind)!;
  const { DATABASE_URL: databaseUrl, DATA_DIR: dataDir } = config;
  return new Outlet({ entry, kind, databaseUrl, dataDir, supply: supplyOf(entry), log });
});
const report = () => send({ type: 'status', outlets: outlets.map(({ status }) => status) });

port.on('message', async (message: ToOutlets) => {
  if (message.type === 'loaded') {
    for (const supply of supplies.values())
      for (const [path, bytes] of message.files) supply.grow(path, bytes);
  }
  for (const outlet of outlets) outlet.wake();
  if (message.type !== 'stop') return;
  await Promise.all(outlets.map(outlet => outlet.stop()));
  report();
  clearInterval(reporting);
  port.close();
});
for (const outlet of outlets) outlet.start();
const reporting = setInterval(report, STATUS_MS);
