import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from '../base/config.ts';
import { type FaultKind, faultKinds } from './faults.ts';
import { MessageSequence } from './messages.ts';
import { Publisher } from './publisher.ts';
import { Schedule } from './schedule.ts';

/**
 * While this many messages wait for the broker no reading is taken: a real device has a bounded memory too. For five
 * sensors with a reading a second it is half an hour.
 */
const MOST_PENDING = 10_000;
/** Timers may stand still while the machine sleeps; so none is longer than this. */
const LONGEST_WAIT_MS = 1000;
/** A gap that deserves a line in the log: no hiccup of the event loop. */
const LONG_GAP_MS = 10_000;
/** How many sensors are played where GENERATOR_SENSORS is not set. */
export const USUAL_SENSORS = 5;

/** Simulated sensors: one temperature a sensor and interval, published with QoS 1, and with faults where they are wanted. */
export class Generator {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #faults: boolean;
  readonly #messages: MessageSequence;
  readonly #publisher: Publisher;
  readonly #stopSignal = new AbortController();
  #loop: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #warnedOfFullMemory = false;
  #sent = 0;
  #skippedTicks = 0;
  readonly #faultCounts: Record<FaultKind, number>;

  /** @param faults default: GENERATOR_FAULTS. */
  constructor({ config, log, faults }: { config: Config; log: Logger; faults?: boolean }) {
    this.#config = config;
    this.#log = log;
    this.#faults = faults ?? config.GENERATOR_FAULTS;
    this.#messages = new MessageSequence({
      seed: config.GENERATOR_SEED,
      sensors: config.GENERATOR_SENSORS ?? USUAL_SENSORS,
      faults: this.#faults,
      power: config.GENERATOR_POWER,
    });
    this.#publisher = new Publisher(config, log);
    this.#faultCounts = Object.fromEntries(faultKinds.map(kind => [kind, 0])) as Record<FaultKind, number>;
  }

  /**
   * `sent` counts messages once, however often they had to be sent; `skippedTicks` those that were missed, or for which
   * there was no memory.
   */
  get counts(): {
    sent: number;
    acknowledged: number;
    skippedTicks: number;
    faults: Record<FaultKind, number>;
  } {
    return {
      sent: this.#sent,
      acknowledged: this.#publisher.acknowledged,
      skippedTicks: this.#skippedTicks,
      faults: { ...this.#faultCounts },
    };
  }

  /** Starts the sensors; does not wait for the broker, which may come later. */
  async start(): Promise<void> {
    if (this.#loop !== undefined || this.#stopping !== undefined) return;
    const {
      GENERATOR_SENSORS: sensors = USUAL_SENSORS,
      GENERATOR_INTERVAL_MS,
      GENERATOR_SEED: seed,
    } = this.#config;
    this.#log.info(
      { sensors, interval_ms: GENERATOR_INTERVAL_MS, seed, faults: this.#faults },
      'generating readings',
    );
    this.#publisher.start();
    this.#loop = this.#run();
  }

  /** Stops the sensors, waits (for at most 5 s) until what they have sent is acknowledged, and disconnects. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#stopSignal.abort();
    await this.#loop;
    await this.#publisher.stop();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopSignal;
    const schedule = new Schedule(this.#config.GENERATOR_INTERVAL_MS);
    while (!signal.aborted) {
      const { ticks, skipped } = schedule.take();
      if (skipped > 0) this.#noteMissed(skipped);
      for (const tick of ticks) this.#send(tick, schedule.timeOf(tick));
      const wait = Math.min(schedule.untilNext(), LONGEST_WAIT_MS);
      await sleep(wait, undefined, { signal }).catch(() => undefined);
    }
  }

  #send(tick: number, timeMs: number): void {
    const { pending } = this.#publisher;
    if (pending >= MOST_PENDING) {
      this.#noteFullMemory(pending);
      return;
    }
    if (pending === 0) this.#warnedOfFullMemory = false;
    for (const { topic, payload, kind } of this.#messages.at(tick, timeMs)) {
      this.#publisher.publish(topic, payload);
      this.#sent++;
      if (kind !== 'reading') this.#faultCounts[kind]++;
    }
  }

  #noteMissed(ticks: number): void {
    this.#skippedTicks += ticks;
    const gapMs = ticks * this.#config.GENERATOR_INTERVAL_MS;
    if (gapMs >= LONG_GAP_MS) {
      this.#log.warn({ ticks, gap_ms: gapMs }, 'the machine slept or was busy: these readings are left out');
    }
  }

  /** Says so once for each time that the memory fills up. */
  #noteFullMemory(pending: number): void {
    this.#skippedTicks++;
    if (this.#warnedOfFullMemory) return;
    this.#warnedOfFullMemory = true;
    this.#log.warn(
      { messages: pending },
      'the broker takes no more: readings are left out until it has acknowledged what waits',
    );
  }
}
