import type { Writable } from 'node:stream';
import { formatTime } from '../../base/time.ts';
import { splitLines } from '../bronze/line-reader.ts';
import { keyOfPath, RawFileName } from '../bronze/raw-file-name.ts';
import type { MinuteMean } from '../gold/minute-mean.ts';
import { numberOf, type Reading } from '../payload/reading.ts';
import type { Topics } from '../payload/topics.ts';
import { EventQueue } from './event-queue.ts';
import { liveReadings } from './live-decoder.ts';
import type { LiveJudge } from './live-judge.ts';

/**
 * Readings that may wait for a client: a group of 5,000 sensors; about half a megabyte, which all clients share. At full
 * rate it is also what decoding for those who look on may cost: 25,000 lines a second.
 */
const MOST_EVENTS = 5000;
/** How often events go out: more often than anybody sees, and seldom enough to cost nothing. */
const FLUSH_MS = 200;
/** A comment now and then shows both sides that the connection lives. */
const HEARTBEAT_MS = 15_000;

/** Lines that became durable, by the file that they went to, such as `raw/2025-11-12_Sensor_1.jsonl`. */
export type DurableLines = ReadonlyMap<string, { bytes: Buffer; count: number }>;

interface Client {
  /** Undefined: all sensors are wanted. */
  sensorId: string | undefined;
  queue: EventQueue;
  out: Writable;
  /** Whether the connection takes more at present. */
  flowing: boolean;
}

/**
 * New readings and means, as server-sent events to any number of clients. A reading is sent once it is on disk.
 *
 * Recording never waits for it: what a client's queue has no room for is not even decoded, only counted.
 */
export class LiveStream {
  /** What lines mean; another one after a reload. */
  topics: Topics;
  readonly #judge: LiveJudge;
  readonly #clients = new Set<Client>();
  /** What the clients were last told of each minute. */
  #told = new Map<string, string>();
  #flush: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(topics: Topics, judge: LiveJudge) {
    this.topics = topics;
    this.#judge = judge;
  }

  /** Called when somebody listens and nobody did before. */
  onFirst: () => void = () => undefined;

  /** How many clients listen. */
  get clients(): number {
    return this.#clients.size;
  }

  /**
   * Sends events to `out` until it is closed.
   * @param sensorId only this sensor's; undefined: all.
   */
  join(out: Writable, sensorId?: string): void {
    const client: Client = { sensorId, queue: new EventQueue(MOST_EVENTS), out, flowing: true };
    this.#clients.add(client);
    if (this.#clients.size === 1) this.onFirst();
    out.on('drain', () => {
      client.flowing = true;
    });
    out.once('close', () => this.#leave(client));
    // A client that is gone says so here, too; `close` follows.
    out.on('error', () => undefined);
    out.write(': readings and one-minute means\n\n');
    this.#flush ??= setInterval(() => this.#flushAll(), FLUSH_MS);
    this.#heartbeat ??= setInterval(() => this.#beat(), HEARTBEAT_MS);
  }

  /** Tells of what has become durable. The memory of the lines is the caller's again when it returns. */
  readings(files: DurableLines): void {
    if (this.#clients.size === 0) return;
    for (const [file, lines] of files) {
      const name = RawFileName.ofKey(keyOfPath(file) ?? '');
      if (name !== undefined) this.#offer(name, lines.bytes, lines.count);
    }
  }

  /** Tells of means that a refresh has computed, as far as they are not what was told before. */
  means(means: readonly MinuteMean[]): void {
    const told = new Map<string, string>();
    for (const mean of means) {
      const key = `${mean.bucket} ${mean.sensor_id}`;
      const data = JSON.stringify(mean);
      told.set(key, data);
      if (this.#told.get(key) === data) continue;
      for (const { sensorId, queue } of this.#clients) {
        if (sensorId === undefined || sensorId === mean.sensor_id)
          queue.replace(key, { event: 'mean', data });
      }
    }
    this.#told = told;
  }

  /** Ends every connection. */
  stop(): void {
    for (const { out } of this.#clients) out.end();
    this.#clients.clear();
    this.#rest();
  }

  #offer(name: RawFileName, bytes: Buffer, count: number): void {
    // A file of a topic or an hour holds readings of any sensor.
    const wanting = [...this.#clients].filter(
      ({ sensorId }) => sensorId === undefined || name.mayHold(sensorId),
    );
    if (wanting.length === 0) return;
    const room = Math.max(0, ...wanting.map(({ queue }) => queue.room));
    const decoded = room === 0 ? [] : splitLines(bytes, 0).slice(0, room);
    for (const line of decoded) {
      for (const reading of liveReadings(this.topics, name, line.bytes)) this.#tell(wanting, reading);
    }
    if (count > decoded.length) for (const client of wanting) client.queue.lose(count - decoded.length);
  }

  #tell(clients: Client[], { sensorId, time, value: said }: Reading): void {
    const value = numberOf(said);
    // What cannot be stored is not shown: it may be anything, also what cannot be written as JSON again.
    if (typeof value === 'string') return;
    const judgement = this.#judge.judge(sensorId, time, value);
    const data = JSON.stringify({ sensor_id: sensorId, time: formatTime(time), value, ...judgement });
    for (const client of clients) {
      if (client.sensorId === undefined || client.sensorId === sensorId)
        client.queue.add({ event: 'reading', data });
    }
  }

  #flushAll(): void {
    for (const client of this.#clients) {
      if (!client.flowing) continue;
      const text = client.queue.take();
      if (text !== '') client.flowing = client.out.write(text);
    }
  }

  #beat(): void {
    for (const client of this.#clients) if (client.flowing) client.flowing = client.out.write(': alive\n\n');
  }

  #leave(client: Client): void {
    this.#clients.delete(client);
    if (this.#clients.size === 0) this.#rest();
  }

  /** Without clients there is nothing to do. */
  #rest(): void {
    clearInterval(this.#flush);
    clearInterval(this.#heartbeat);
    this.#flush = undefined;
    this.#heartbeat = undefined;
  }
}
