import type { Logger } from 'pino';
import type { Decoder } from '../payload/decoder.ts';
import type { Sink } from '../source/sink.ts';
import type { ClockWatch } from './clock-watch.ts';
import { decideAgain } from './second-decision.ts';

const LOOK_MS = 10_000;

/** Says when the clock seems wrong or was set, and sees to what was rejected for its time meanwhile. */
export class ClockCorrection {
  readonly #watch: ClockWatch;
  readonly #dataDir: string;
  readonly #recorder: Sink;
  readonly #decoder: Decoder;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #told: string | undefined;
  #saidUnsynchronized = false;

  /** @param decoder of plain messages: others are not decided before they are recorded. */
  constructor(watch: ClockWatch, dataDir: string, recorder: Sink, decoder: Decoder, log: Logger) {
    this.#watch = watch;
    this.#dataDir = dataDir;
    this.#recorder = recorder;
    this.#decoder = decoder;
    this.#log = log;
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
  }

  /** Looks no more; what is known of a wrong clock is on disk then, as far as that takes writes. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    await this.#watch
      .stop()
      .catch(error =>
        this.#log.warn({ reason: error.message }, 'cannot write down that the clock was wrong'),
      );
  }

  /** Looks now; joins a look that is under way. Never rejects: what went wrong is logged and tried again at the next start. */
  look(): Promise<void> {
    this.#looking ??= this.#look()
      .catch(error =>
        this.#log.warn({ reason: error.message }, 'cannot decide again what the clock had rejected'),
      )
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { jumped, ended } = await this.#watch.look();
    if (jumped !== undefined) this.#log.warn({ by_s: Math.round(jumped / 1000) }, 'the clock was set');
    const suspicion = this.#watch.suspicion;
    if (suspicion !== undefined && this.#told === undefined) this.#log.warn(suspicion);
    this.#told = suspicion;
    const { unsynchronized } = this.#watch;
    if (unsynchronized !== undefined && !this.#saidUnsynchronized) this.#log.warn(unsynchronized);
    this.#saidUnsynchronized = unsynchronized !== undefined;
    if (ended === undefined) return;
    const messages = await decideAgain(this.#dataDir, this.#recorder, this.#decoder, ended);
    await this.#watch.settled();
    this.#log.info({ messages }, 'the clock is right again; recorded what it had rejected for its time');
  }
}
