/*
 * Publishes a load over a raw socket: `node bench/publisher.ts '{"port":…,"load":{…}, …}'`, see `Publication`.
 *
 * Prints `ready`, waits for a line on standard input, sends, and prints `Published` as a JSON line when the last
 * PUBACK is in. Up to `MOST_AHEAD` messages everything is encoded before the first byte is sent.
 */
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { encode, encodePublish, LOAD_IDS, type Load, type Packets, payload } from './load.ts';

/** What to publish, and how. */
export interface Publication {
  port: number;
  load: Load;
  /** Messages a second; 0: as fast as the broker takes them. */
  rate?: number;
  /** Ends after this time, even if the load is not all sent, and not before. */
  seconds?: number;
  /**
   * Keeps just ahead of a collector, so that a run of minutes does not fill the broker's memory: waits while more than
   * `bytes` of what was sent are not in the raw files of `folder`.
   */
  follow?: { folder: string; bytes: number };
  /** Readings of a sensor of their own, beside the load, whose `dt` is the time at which they are sent. */
  marks?: { sensor: string; perSecond: number };
}

/** When the first message was sent and the last PUBACK came, in ms since 1970, and how many messages there were. */
export interface Published {
  began: number;
  ended: number;
  /** Of the load. */
  sent: number;
  marked: number;
  /** CPU time of the publisher meanwhile, in µs. */
  cpuMicros: number;
}

/** Messages in one write at full rate. */
const SLICE = 250;
/** Writes a second at a given rate, at most. */
const WRITES_PER_SECOND = 200;
/** Packet ids are 16 bits: never more than this unacknowledged. */
const WINDOW = 30_000;
/** A load of more than this would take more memory than is decent: it is encoded as it is sent. */
const MOST_AHEAD = 3_000_000;
/** How often the raw files are looked at: after so many slices, and while it waits. */
const LOOK_SLICES = 40;
const LOOK_MS = 20;

const { port, load, rate = 0, seconds, follow, marks } = JSON.parse(process.argv[2]!) as Publication;
const slice = rate > 0 ? Math.max(1, Math.min(SLICE, Math.round(rate / WRITES_PER_SECOND))) : SLICE;

const encodeSlice = (start: number) => encode(load, start, Math.min(load.count, start + slice));
const ahead: Packets[] = [];
if (load.count <= MOST_AHEAD) {
  for (let start = 0; start < load.count; start += slice) ahead.push(encodeSlice(start));
}

const socket = connect(port, '127.0.0.1').setNoDelay(true);
socket.on('error', error => {
  process.stderr.write(`publisher: ${error.message}\n`);
  process.exit(1);
});
await once(socket, 'connect');
const clientId = `bench-${process.pid}`;
const connectPacket = Buffer.from(`\x10\0\0\x04MQTT\x04\x02\0\0\0\0${clientId}`, 'latin1');
connectPacket[1] = connectPacket.length - 2;
connectPacket[13] = clientId.length;
socket.write(connectPacket);
await once(socket, 'data');

/** Of our packets only PUBACKs are answered, 4 bytes each. */
let acknowledgedBytes = 0;
let wake: () => void = () => undefined;
socket.on('data', chunk => {
  acknowledgedBytes += chunk.length;
  wake();
});
const acknowledgement = () =>
  new Promise<void>(resolve => {
    wake = resolve;
  });
process.stdout.write('ready\n');
await once(process.stdin, 'data');

const began = Date.now();
const cpuBefore = process.cpuUsage();
const deadline = seconds === undefined ? Number.POSITIVE_INFINITY : began + seconds * 1000;
const recordedBefore = follow === undefined ? 0 : recordedBytes(follow.folder);
let sent = 0;
let sentBytes = 0;
let marked = 0;
let marking = marks === undefined ? undefined : setTimeout(mark, 0);

/** Sends a mark, and the next one after a wait that varies by chance: it must not fall in step with the batches. */
function mark(): void {
  const text = payload(marks!.sensor, new Date().toISOString(), 1);
  socket.write(encodePublish('sensors/mark', text, LOAD_IDS + 1 + (marked++ % (65_535 - LOAD_IDS))));
  marking = setTimeout(mark, (1000 / marks!.perSecond) * (0.5 + Math.random()));
}

/** Bytes in the raw files, which hold payloads and line ends. */
function recordedBytes(folder: string): number {
  let sum = 0;
  for (const name of readdirSync(folder)) sum += statSync(join(folder, name)).size;
  return sum;
}

async function stayNear({ folder, bytes }: NonNullable<Publication['follow']>): Promise<void> {
  while (sentBytes + recordedBefore - recordedBytes(folder) > bytes && Date.now() < deadline)
    await sleep(LOOK_MS);
}

for (let start = 0, index = 0; start < load.count && Date.now() < deadline; start += slice, index++) {
  while (sent + marked - acknowledgedBytes / 4 > WINDOW) await acknowledgement();
  if (rate > 0) {
    const due = began + (start * 1000) / rate;
    if (due > Date.now()) await sleep(due - Date.now());
  }
  if (follow !== undefined && index % LOOK_SLICES === 0) await stayNear(follow);
  const { bytes, lineBytes } = ahead[index] ?? encodeSlice(start);
  if (!socket.write(bytes)) await once(socket, 'drain');
  sent += Math.min(slice, load.count - start);
  sentBytes += lineBytes;
}
if (seconds !== undefined) await sleep(deadline - Date.now());
clearTimeout(marking);
while (acknowledgedBytes / 4 < sent + marked) await acknowledgement();
const { user, system } = process.cpuUsage(cpuBefore);
const published: Published = { began, ended: Date.now(), sent, marked, cpuMicros: user + system };
process.stdout.write(`${JSON.stringify(published)}\n`);
process.exit(0);
