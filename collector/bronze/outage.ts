import { once } from 'node:events';
import type { Logger } from 'pino';
import type { FolderLostError } from './data-folder.ts';
import { freeSpace, untilWritable } from './disk.ts';
import type { FileNames } from './file-names.ts';
import { rawFolder } from './raw-file-name.ts';

/** Errors that are not of one file. */
const OF_THE_DISK = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE', 'ENFILE', 'ENOENT']);

interface OutageOptions {
  dataDir: string;
  /** Whose names a file that cannot be written is avoided in. */
  names: FileNames;
  /** Takes from the raw folder what is recorded, before recording goes on. Is tried again where it fails. */
  learn: () => Promise<void>;
  log: Logger;
}

/**
 * The time in which nothing can be recorded. It *begins* with a disk error and lasts until a probe can write to the disk, or
 * *for good*, when another collector has taken the data folder. `stop` ends the waiting for either.
 */
export class Outage {
  readonly #options: OutageOptions;
  readonly #stopping = new AbortController();
  #failure: Error | undefined;
  /** The file that the last group failed at, if it did. */
  #failed: string | undefined;
  #probing: Promise<void> | undefined;

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  /** Why nothing can be recorded at present; undefined when all is well. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Aborted when the recorder stops. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Resolves when something can be recorded, and when the recorder stops. */
  async untilOver(): Promise<void> {
    await this.#probing;
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** A group was written. */
  groupSucceeded(): void {
    this.#failed = undefined;
  }

  /**
   * A group could not be written. A file that fails again although the disk takes writes is left alone from then on.
   * @returns the error for those who wait for messages.
   */
  async begin(error: NodeJS.ErrnoException & { file?: string }): Promise<Error> {
    const { dataDir, names, log } = this.#options;
    const { file } = error;
    if (file !== undefined && file === this.#failed && !OF_THE_DISK.has(error.code ?? '')) {
      names.avoid(file);
      log.error(
        { file, reason: error.message },
        'a file cannot be written; its lines go to a file beside it. Repair or remove it',
      );
    }
    this.#failed = file;
    const room = await freeSpace(dataDir);
    const failure = new Error(
      `Cannot record to ${dataDir}${room && ` (${room})`}: ${error.message}. ` +
        'Nothing is acknowledged until the disk takes writes again; free some space or repair it.',
      { cause: error },
    );
    this.#failure = failure;
    log.error({ code: error.code, file: error.path }, failure.message);
    this.#probing ??= this.#resume().finally(() => {
      this.#probing = undefined;
    });
    return failure;
  }

  /** The folder is another collector's: nothing is recorded any more. */
  halt(error: FolderLostError): Error {
    this.#failure = error;
    this.#options.log.error(error.message);
    const { signal } = this.#stopping;
    this.#probing = signal.aborted ? undefined : once(signal, 'abort').then(() => undefined);
    return error;
  }

  async #resume(): Promise<void> {
    const { dataDir, learn, log } = this.#options;
    while (await untilWritable(rawFolder(dataDir), this.#stopping.signal)) {
      // What was turned away is not known to be recorded.
      const learnt = await learn().then(
        () => true,
        () => false,
      );
      if (!learnt) continue;
      this.#failure = undefined;
      log.info('the disk takes writes again; recording goes on');
      return;
    }
  }
}
