import type { Config } from '../../../base/config.ts';
import { Problem, unavailable } from '../../../base/http/problem.ts';
import { zoneOf } from '../../../base/time.ts';
import { numberOf, type Reading, type Rejection } from '../../payload/reading.ts';
import { SluiceDecoder } from '../../payload/sluice-decoder.ts';
import { MOST_PENDING_BYTES, type Receipt, type Sink } from '../sink.ts';

const LF = 0x0a;
/** Empty lines that nobody minds. */
const LINES_FREE = 1000;

/**
 * The way from HTTP into the recorder. Readings are accepted by the rules of MQTT's, and what could never be stored (a
 * value that is not a number) is reported to the sender instead of kept.
 */
export class Intake {
  readonly #recorder: Sink;
  readonly #decoder: SluiceDecoder;
  readonly #maxReadings: number;
  readonly #maxBacklogBytes: number;
  readonly #backlogBytes: () => number;
  /**
   * received = recorded + rejected + turnedAway, once nothing is on its way to the disk. `turnedAway` were refused with
   * 503, for no fault of theirs, and are for the sender to send again.
   */
  readonly counts = { received: 0, recorded: 0, rejected: new Map<Rejection, number>(), turnedAway: 0 };

  /** @param backlogBytes what is recorded and not loaded. */
  constructor(config: Config, recorder: Sink, backlogBytes: () => number) {
    this.#recorder = recorder;
    this.#decoder = new SluiceDecoder(zoneOf(config.SENSOR_TIMEZONE));
    this.#maxReadings = config.HTTP_MAX_READINGS;
    this.#maxBacklogBytes = config.HTTP_MAX_BACKLOG_MB * 1e6 || Number.POSITIVE_INFINITY;
    this.#backlogBytes = backlogBytes;
  }

  /** @throws {Problem} 503 where nothing can be taken at present. */
  demandRoom(): void {
    const { failure, pendingBytes } = this.#recorder;
    if (failure !== undefined) throw unavailable('Nothing can be recorded: the disk takes no writes.', 5);
    if (pendingBytes > MOST_PENDING_BYTES) throw unavailable('Too much is waiting for the disk.', 1);
    if (this.#backlogBytes() > this.#maxBacklogBytes) {
      throw unavailable('Too much is recorded and not loaded yet (HTTP_MAX_BACKLOG_MB).', 30);
    }
  }

  /** @throws {Problem} 413 where a request has brought more than it may. */
  demandFew(readings: number): void {
    if (readings > this.#maxReadings) {
      throw new Problem(
        413,
        `A request may bring ${this.#maxReadings} readings at most (HTTP_MAX_READINGS).`,
      );
    }
  }

  /**
   * Of the lines of a body not many may be empty: to step over millions of them takes long.
   * @throws {Problem} 413 where there are more than twice as many as readings that a request may bring.
   */
  demandFewLines(body: Buffer): void {
    let lines = 0;
    for (let at = 0; at < body.length; at++) if (body[at] === LF) lines++;
    this.demandFew(lines / 2 - LINES_FREE);
  }

  /** The reading that a payload holds; or the reason why it cannot be accepted. */
  judge(payload: Buffer): Reading | Rejection {
    const decoded = this.#decoder.decode('', payload, Date.now() * 1000);
    if (typeof decoded === 'string') return decoded;
    const value = numberOf(decoded[0].value);
    return typeof value === 'string' ? value : decoded[0];
  }

  /** Counts readings that were refused. They are not kept: the sender has them, and has been told. */
  reject(reason: Rejection, readings = 1): void {
    this.counts.received += readings;
    this.counts.rejected.set(reason, (this.counts.rejected.get(reason) ?? 0) + readings);
  }

  /**
   * Records readings that nothing speaks against; all of them or none. Resolves when they are on disk.
   * @throws {Problem} 503 where the disk refuses.
   */
  async record(topic: string, payloads: readonly Buffer[]): Promise<void> {
    let receipt: Receipt | undefined;
    // A group takes in all that comes before it is written, and nothing is written before we let go of the thread.
    for (const payload of payloads) receipt = this.#recorder.record(topic, payload);
    this.counts.received += payloads.length;
    try {
      await receipt?.durable;
    } catch {
      this.counts.turnedAway += payloads.length;
      throw unavailable('Nothing was recorded: the disk takes no writes.', 5);
    }
    this.counts.recorded += payloads.length;
  }
}
