import type { Bench } from './bench.ts';
import { Broker } from './broker.ts';
import { type Load, loadAcrossMidnight, loadStart } from './load.ts';
import { preparePublisher } from './publication.ts';
import { cpuMicros } from './usage.ts';

/** One who takes messages from a broker; what is compared with each other. */
export interface Subscriber extends AsyncDisposable {
  /** Waits until so many messages in all have become of it what becomes of them. @returns when, in ms since 1970. */
  untilDone(messages: number): Promise<number>;
  /** CPU time since it began, all its threads, in µs. */
  cpuMicros(): Promise<number>;
  /** CPU time that the database has spent on it, in µs; undefined where that is not known. */
  databaseMicros?(): Promise<number>;
  /** The most memory that was resident, in MB; undefined where that is not known. */
  peakMegabytes(): Promise<number | undefined>;
}

/** @param messages how many will come in all. */
export type StartSubscriber = (
  bench: Bench,
  broker: Broker,
  sensors: number,
  messages: number,
) => Promise<Subscriber>;

/** How much to publish. */
export interface Amount {
  sensors: number;
  messages: number;
  /** Messages before those that are measured. */
  warmup: number;
  /** Whether the day of the readings changes in the middle of the load. */
  midnight?: boolean;
  /** Whether the warm-up is of the hour of the load, so that nothing begins with it. */
  sameHour?: boolean;
}

/** One round of one subscriber. */
export interface Round {
  /** Messages a second, from the first publish to the last message done. */
  rate: number;
  /** CPU time of the subscriber per message, in µs. */
  cpu: number;
  /** CPU time of the broker per message, in µs. */
  brokerCpu: number;
  /** CPU time of the database's process that stores the rows, per message, in µs. */
  databaseCpu: number | undefined;
  /** Messages a second at which the publisher got its PUBACKs. */
  published: number;
  peakMegabytes: number | undefined;
}

/** Hours of the loads' day: a load begins long after the warm-up has ended. */
const WARMUP_HOUR = 0;
const LOAD_HOUR = 6;
/** A load that goes on with the hour of its warm-up begins so long after it. */
const WITHIN_HOUR_MS = 20 * 60_000;

/** Publishes a load to a subscriber on a broker of its own, as fast as the broker takes it, after a warm-up. */
export async function measure(
  bench: Bench,
  { sensors, messages, warmup, midnight = false, sameHour = false }: Amount,
  start: StartSubscriber,
  brokerSettings: readonly string[] = [],
): Promise<Round> {
  await using broker = await Broker.start(bench, brokerSettings);
  await using subscriber = await start(bench, broker, sensors, warmup + messages);
  const { port } = broker;
  const warmupFrom = loadStart(sameHour ? LOAD_HOUR : WARMUP_HOUR);
  const before: Load = { sensors, count: warmup, from: warmupFrom };
  await (await preparePublisher(bench, { port, load: before })).publish();
  await subscriber.untilDone(warmup);

  const within = loadStart(LOAD_HOUR) + (sameHour ? WITHIN_HOUR_MS : 0);
  const from = midnight ? loadAcrossMidnight(sensors, messages / 2) : within;
  const load: Load = { sensors, count: messages, from };
  const publisher = await preparePublisher(bench, { port, load });
  const cpuBefore = await subscriber.cpuMicros();
  const brokerBefore = await cpuMicros(broker.pid);
  const databaseBefore = await subscriber.databaseMicros?.();
  const { began, ended } = await publisher.publish();
  const done = await subscriber.untilDone(warmup + messages);
  const databaseAfter = await subscriber.databaseMicros?.();
  return {
    rate: (messages * 1000) / (done - began),
    cpu: ((await subscriber.cpuMicros()) - cpuBefore) / messages,
    brokerCpu: ((await cpuMicros(broker.pid)) - brokerBefore) / messages,
    databaseCpu:
      databaseAfter === undefined || databaseBefore === undefined
        ? undefined
        : (databaseAfter - databaseBefore) / messages,
    published: (messages * 1000) / (ended - began),
    peakMegabytes: await subscriber.peakMegabytes(),
  };
}
