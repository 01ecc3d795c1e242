import { connect, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { type Message, Messages } from './messages.ts';
import { Counter, type PublisherData } from './publisher.ts';

/** Publications that wait for their PUBACK at the same time. */
const WINDOW = 4000;
const TICK_MS = 10;
const RECONNECT_MS = 100;
/** Packet identifiers are 1 to 65535 [MQTT-2.3.1-1]; far more than the window, so none is in use twice. */
const IDS = 65_535;

const { port, most, acknowledged, counters, messages: options } = workerData as PublisherData;
const messages = new Messages(options);
/** Publications without a PUBACK, in their order. */
const open = new Set<number>();
const began = performance.now();
let finishing = false;
let socket: Socket | undefined;

const idOf = (n: number) => (n % IDS) + 1;

/** CONNECT of MQTT 3.1.1: clean session, no keepalive. */
function connectPacket(): Buffer {
  const clientId = Buffer.from(`publisher-${process.pid}`);
  const header = Buffer.from([0x10, 12 + clientId.length, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0]);
  return Buffer.concat([header, Buffer.from([clientId.length]), clientId]);
}

function publishPacket(n: number, { topic, payload }: Message, again: boolean): Buffer {
  const name = Buffer.from(topic);
  const length = 2 + name.length + 2 + payload.length;
  // The payloads of a run have less than 16 KB, so the length has one or two bytes.
  const remaining = length < 128 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
  // [MQTT-3.3.1-1]: DUP is 1 when a PUBLISH is sent again.
  const head = Buffer.from([again ? 0x3a : 0x32, ...remaining, 0, name.length]);
  const id = Buffer.from([idOf(n) >> 8, idOf(n) & 0xff]);
  return Buffer.concat([head, name, id, payload]);
}

function connectToBroker(): void {
  const connection = connect(port, '127.0.0.1').setNoDelay(true);
  const inFlight = new Map<number, number>();
  let rest: Buffer = Buffer.alloc(0);
  connection.on('connect', () => connection.write(connectPacket()));
  connection.on('error', () => undefined);
  connection.on('close', () => {
    socket = undefined;
    setTimeout(connectToBroker, RECONNECT_MS);
  });
  // Only CONNACK and PUBACK come, both of 4 bytes.
  connection.on('data', (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    let at = 0;
    for (; at + 4 <= rest.length; at += 4) {
      if (rest[at] === 0x20) begin(connection, inFlight);
      else settle(rest.readUInt16BE(at + 2), inFlight);
    }
    rest = rest.subarray(at);
  });
}

/** The broker lets us in: what was open is sent again, in its order [MQTT-4.4.0-1]. */
function begin(connection: Socket, inFlight: Map<number, number>): void {
  Atomics.add(counters, Counter.connections, 1);
  for (const n of open) {
    inFlight.set(idOf(n), n);
    connection.write(publishPacket(n, messages.at(n), true));
  }
  socket = connection;
  flights = inFlight;
}
let flights = new Map<number, number>();

function settle(id: number, inFlight: Map<number, number>): void {
  const n = inFlight.get(id);
  if (n === undefined) throw new Error(`the broker acknowledged ${id}, which is not in flight`);
  inFlight.delete(id);
  open.delete(n);
  acknowledged[n] = 1;
  Atomics.add(counters, Counter.acknowledged, 1);
}

function tick(): void {
  const sent = Atomics.load(counters, Counter.sent);
  if (finishing) {
    if (open.size === 0) parentPort!.postMessage('finished');
    else setTimeout(tick, TICK_MS);
    return;
  }
  if (socket !== undefined) {
    const due = Math.floor(((performance.now() - began) * options.rate) / 1000);
    const until = Math.min(due, sent + WINDOW - open.size, most);
    const packets: Buffer[] = [];
    for (let n = sent; n < until; n++) {
      open.add(n);
      flights.set(idOf(n), n);
      packets.push(publishPacket(n, messages.at(n), false));
    }
    // Counted before it is written: nothing that was not counted can arrive.
    Atomics.store(counters, Counter.sent, Math.max(sent, until));
    if (packets.length > 0) socket.write(Buffer.concat(packets));
  }
  setTimeout(tick, TICK_MS);
}

parentPort!.on('message', () => {
  finishing = true;
});
connectToBroker();
tick();
