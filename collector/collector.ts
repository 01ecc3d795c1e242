import type { Logger } from 'pino';
import { DataFolder } from './bronze/data-folder.ts';
import { Recorder } from './bronze/recorder.ts';
import type { Config } from './config.ts';
import { Refresher } from './gold/refresher.ts';
import { HttpServer } from './http/server.ts';
import { Loader } from './silver/loader.ts';
import { readRegistry } from './silver/registry-file.ts';
import { MqttSource } from './source/mqtt-source.ts';
import { zoneOf } from './time.ts';

/** How long a stop may load what is pending. What is left then is loaded by the next start. */
const DRAIN_MS = 10_000;
const SUMMARY_MS = 60_000;

/** What the collector has done since it began. */
export interface Progress {
  received: number;
  recorded: number;
  rejected: number;
  stored: number;
  pendingBytes: number;
}

/**
 * The daemon: source → bronze → silver → gold. Sinks start before sources and stop after them, so at no time does a
 * message come in that has nowhere to go.
 */
export class Collector {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #folder: DataFolder | undefined;
  readonly #undo = new AsyncDisposableStack();
  #starting: Promise<string> | undefined;
  #stopping: Promise<void> | undefined;
  #recorder: Recorder | undefined;
  #loader: Loader | undefined;
  #source: MqttSource | undefined;

  /** @param folder the data folder, where the caller has its lock already and gives it back. */
  constructor(config: Config, log: Logger, folder?: DataFolder) {
    this.#config = config;
    this.#log = log;
    this.#folder = folder;
  }

  /**
   * Starts everything and begins to record; waits neither for the broker nor for the database.
   * @returns the address of the HTTP server.
   * @throws what is wrong with the data folder, the registry file or the port, after having undone what was started.
   */
  start(): Promise<string> {
    this.#starting ??= this.#start().catch(async error => {
      await this.stop();
      throw error;
    });
    return this.#starting;
  }

  /** Acknowledges what is recorded, loads what is pending (for at most 10 s), and stops everything. */
  stop(): Promise<void> {
    this.#stopping ??= this.#undo.disposeAsync();
    return this.#stopping;
  }

  get progress(): Progress {
    return {
      received: this.#source?.counts.received ?? 0,
      recorded: this.#recorder?.counts.recorded ?? 0,
      rejected: this.#recorder?.counts.rejected ?? 0,
      stored: this.#loader?.status.loaded.stored ?? 0,
      pendingBytes: this.#loader?.status.pendingBytes ?? 0,
    };
  }

  async #start(): Promise<string> {
    const config = this.#config;
    const log = this.#log;
    const sensors = await readRegistry(config.SENSORS_FILE);

    const folder = this.#folder ?? (await this.#lockFolder());
    if (folder.crashed) log.warn('the last collector here did not stop cleanly; checking the raw files');

    const recorder = new Recorder({
      dataDir: config.DATA_DIR,
      zone: zoneOf(config.SENSOR_TIMEZONE),
      descriptors: descriptorBudget(),
      log,
    });
    this.#recorder = recorder;
    await recorder.start(folder.crashed);
    folder.repaired();
    this.#undo.defer(async () => {
      await recorder.stop();
      if (!recorder.isWhole) folder.damaged();
    });

    const { collector } = folder;
    const loader = new Loader({ config, collector, sensors, log, snapshot: () => recorder.snapshot() });
    this.#loader = loader;
    recorder.onDurable = files => loader.durable(files);
    const refresher = new Refresher(config.DATABASE_URL, log);
    loader.start();
    this.#undo.defer(() => loader.stop());
    refresher.start();
    this.#undo.defer(() => this.#drain(loader, refresher));

    const source = new MqttSource(config, recorder, log);
    this.#source = source;
    const http = new HttpServer(config, {
      broker: () => source.status,
      database: () => loader.status.database,
      recording: () => recorder.failure,
      pendingBytes: () => loader.status.pendingBytes,
    });
    this.#undo.defer(() => http.stop());
    const address = await http.start();

    source.start();
    this.#undo.defer(() => source.stop());

    const summary = setInterval(() => log.info(this.progress, 'progress'), SUMMARY_MS);
    this.#undo.defer(() => clearInterval(summary));
    return address;
  }

  async #lockFolder(): Promise<DataFolder> {
    const folder = await DataFolder.lock(this.#config.DATA_DIR, this.#config.MQTT_CLIENT_ID);
    this.#undo.defer(() => folder.unlock());
    return folder;
  }

  async #drain(loader: Loader, refresher: Refresher): Promise<void> {
    const drained = loader.status.database.connected && (await loader.drain(DRAIN_MS));
    await refresher.stop(DRAIN_MS / 5);
    if (!drained) this.#log.warn('not everything recorded is loaded; the next start goes on with it');
  }
}

/**
 * Descriptors for raw files: most of what the process may have; the rest is for sockets, the loader and the libraries.
 */
function descriptorBudget(): number {
  const report = process.report.getReport() as {
    userLimits?: { open_files?: { soft?: number | 'unlimited' } };
  };
  const soft = report.userLimits?.open_files?.soft;
  return typeof soft === 'number' ? Math.max(16, Math.min(16_384, Math.floor((soft - 64) * 0.8))) : 16_384;
}
