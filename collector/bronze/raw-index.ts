import type { Logger } from 'pino';
import type { Decoder } from '../payload/decoder.ts';
import { FileNames } from './file-names.ts';
import type { Durable } from './group-writer.ts';
import { HourFiles, type HoursSummary } from './hour-files.ts';
import { keyOfPath, type RawFileName } from './raw-file-name.ts';
import { walkRawFolder } from './raw-folder.ts';
import { SensorWatermarks } from './sensor-watermarks.ts';
import { TopicFiles } from './topic-files.ts';

interface RawIndexOptions {
  dataDir: string;
  /** The collector whose files are those of hours; undefined: they are those of sensors and topics. */
  hourly: string | undefined;
  lateMinutes: number;
  /** Of plain messages. */
  decoder: Decoder;
  /** ms since 1970. */
  now: () => number;
  /** Called when partitions that were handed out do not count any more. */
  onForget: () => void;
  log: Logger;
}

/**
 * What is known of the raw files without a look at them: the names that are taken, the newest reading of each sensor, and what
 * each topic said last. It is learnt from the folder at a start and after an outage; in between, filing keeps it up.
 */
export class RawIndex {
  readonly #options: RawIndexOptions;
  readonly #hours: HourFiles;
  readonly names: FileNames;
  readonly watermarks: SensorWatermarks;
  readonly topicFiles: TopicFiles;

  constructor(options: RawIndexOptions) {
    this.#options = options;
    const { dataDir, hourly, lateMinutes, decoder, onForget, log } = options;
    this.names = new FileNames(hourly);
    this.watermarks = new SensorWatermarks(dataDir, { lateMinutes, decoder }, onForget);
    this.topicFiles = new TopicFiles(dataDir, this.names);
    this.#hours = new HourFiles(dataDir, decoder, ({ message }) =>
      log.warn({ reason: message }, 'cannot write newest.jsonl; the next start has to read more raw files'),
    );
  }

  /** Forgets everything, and takes it from the raw folder. @throws errors of the disk. */
  async learn(): Promise<void> {
    const { dataDir, now } = this.#options;
    const clock = Math.floor(now() / 1000);
    const hours: RawFileName[] = [];
    const ofHours = new Set<string>();
    for (const learner of [this.names, this.watermarks, this.topicFiles]) learner.forget();
    for await (const entries of walkRawFolder(dataDir)) {
      this.names.learn(entries);
      this.watermarks.learn(entries, clock);
      this.topicFiles.learn(entries);
      for (const { name, form } of entries.filter(({ name }) => name.isOfHour)) {
        if (form !== 'marks') ofHours.add(name.key);
        if (form === 'plain') hours.push(name);
      }
    }
    const { newest, topics } = await this.#hours.learn(hours, ofHours, clock);
    this.watermarks.learnOfHours(newest);
    this.topicFiles.learnOfHours(topics);
  }

  /** A group is durable: all that is known may be written down for the next start. */
  durable(files: readonly Durable[]): void {
    if (this.#options.hourly !== undefined) this.#hours.durable(files, () => this.#summary());
  }

  /** A group was turned away: what is known of its messages is not to be written down. */
  turnedAway(): void {
    this.#hours.turnedAway();
  }

  /** A file is gone. @param file its path below the data folder. */
  remove(file: string): void {
    this.#hours.remove(keyOfPath(file) ?? file);
    this.watermarks.remove(file);
  }

  /** Writes down what is known. All of it is durable. */
  stop(): Promise<void> {
    return this.#hours.stop(this.#summary());
  }

  #summary(): HoursSummary {
    return { newest: this.watermarks.ofHours(), topics: this.topicFiles.ofHours() };
  }
}
