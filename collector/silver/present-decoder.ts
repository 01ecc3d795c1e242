import type { ClientBase } from 'pg';
import { rawFolder } from '../bronze/raw-file-name.ts';
import { readWrittenTopics } from '../payload/configured-topics.ts';
import type { Topics } from '../payload/topics.ts';
import { keepTopics } from './decoded-with.ts';
import { LineDecoder } from './line-decoder.ts';
import type { LoaderData, Reloaded } from './protocol.ts';
import { REGISTRY_CHANNEL, Registry, type Sensor, upsertSensors } from './registry.ts';

/** How often the registry is read again where no change was announced. */
const REGISTRY_MS = 60_000;
/** Long ago: it is to be read now. */
const LONG_AGO = Number.NEGATIVE_INFINITY;

/**
 * What lines are decoded by at present: the topics file and the registry. It brings the database to what the files say, and
 * reads the registry from there, as people and other collectors change it too.
 */
export class PresentDecoder {
  readonly #config: LoaderData['config'];
  #topics: Topics;
  #sensors: Sensor[];
  /** The registry file is upserted once, when it was read: what is changed in the database afterwards stays. */
  #isRegistered = false;
  /** When the registry was last read. */
  #readAt = LONG_AGO;

  constructor({ config, topics, sensors }: LoaderData) {
    this.#config = config;
    this.#topics = readWrittenTopics(topics, config.SENSOR_TIMEZONE);
    this.#sensors = sensors;
  }

  /** Goes by other files. */
  reload({ topics, sensors }: Reloaded): void {
    if (topics !== undefined) {
      this.#topics.close();
      this.#topics = readWrittenTopics(topics, this.#config.SENSOR_TIMEZONE);
    }
    if (sensors !== undefined) {
      this.#sensors = sensors;
      this.#isRegistered = false;
    }
    this.#readAt = LONG_AGO;
  }

  /** Files or registry are known to have changed. */
  get isOutdated(): boolean {
    return this.#readAt === LONG_AGO;
  }

  /** The decoder is to be made anew before the next batch. */
  get isDue(): boolean {
    return performance.now() - this.#readAt > REGISTRY_MS;
  }

  /** Hears of changes of the registry, on this connection's channel. */
  async listen(client: ClientBase): Promise<void> {
    client.on('notification', () => {
      this.#readAt = LONG_AGO;
    });
    await client.query(`LISTEN ${REGISTRY_CHANNEL}`);
  }

  /** Brings the database to what the files say, as far as that has not been done. */
  async register(client: ClientBase): Promise<void> {
    // First the time: something may change again while we write.
    this.#readAt = performance.now();
    if (!this.#isRegistered) {
      // First this: a reload may come while we write.
      this.#isRegistered = true;
      try {
        const sensors = this.#sensors;
        await upsertSensors(client, sensors);
        // The thread would keep them for ever.
        sensors.length = 0;
        // Other collectors judge by the same registry.
        await client.query(`NOTIFY ${REGISTRY_CHANNEL}`);
      } catch (error) {
        this.#isRegistered = false;
        throw error;
      }
    }
    await keepTopics(client, this.#topics);
  }

  /** The decoder, by the registry as it is in the database. To be called after `register`. */
  async load(client: ClientBase): Promise<LineDecoder> {
    return new LineDecoder({
      topics: this.#topics,
      registry: await Registry.load(client),
      lateMinutes: this.#config.LATE_MINUTES,
      folder: rawFolder(this.#config.DATA_DIR),
    });
  }
}
