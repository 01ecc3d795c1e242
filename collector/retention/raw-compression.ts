import type { ClientBase } from 'pg';
import type { Logger } from 'pino';
import { discardCompressed, exchangeForCompressed, prepareCompressed } from '../bronze/compressed-file.ts';
import { GzipFileError } from '../bronze/gzip-file.ts';
import { lookAt, type StandingFile } from '../bronze/raw-folder.ts';
import type { Recorder } from '../bronze/recorder.ts';
import { loadedFilesBefore } from './raw-files.ts';

/** Whose raw files, and who may be writing to them. */
export interface RawFolder {
  dataDir: string;
  /** Its name in the ledger. */
  collector: string;
  recorder: Pick<Recorder, 'exchange'>;
  log: Logger;
}

/**
 * Compresses the raw files of the days before `before` (a UTC date) that are loaded. Beside recording, one file after the
 * other: only the exchange of the two forms is done while nothing is written.
 * @returns how many files.
 * @throws errors of the disk and of the database; what is compressed by then stays so.
 */
export async function compressRawFiles(
  client: ClientBase,
  raw: RawFolder,
  before: string,
  signal?: AbortSignal,
): Promise<number> {
  let compressed = 0;
  for await (const files of loadedFilesBefore(client, raw.collector, raw.dataDir, before, 'plain')) {
    for (const file of files) {
      signal?.throwIfAborted();
      if (await compressRawFile(raw, file, signal)) compressed++;
    }
  }
  return compressed;
}

/**
 * Compresses one raw file, which may be appended to meanwhile: then it stays as it is.
 * @returns whether it is compressed now.
 */
export async function compressRawFile(
  { dataDir, recorder, log }: RawFolder,
  file: StandingFile,
  signal?: AbortSignal,
): Promise<boolean> {
  try {
    await prepareCompressed(file.path, file.bytes, signal);
  } catch (error) {
    // Deleted in this moment, or the disk does not give back what was written: the plain form stays.
    const gone = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (!gone && !(error instanceof GzipFileError)) throw error;
    log.error(
      { file: file.name.key, reason: (error as Error).message },
      'cannot compress a raw file; it stays as it is',
    );
    return false;
  }
  let exchanged = false;
  await recorder.exchange([file.name.path], async ([whole]) => {
    const now = await lookAt(dataDir, file.name);
    // A late reading may have come meanwhile.
    if (whole === undefined || now === undefined || now.compressed || now.bytes !== file.bytes) return [];
    await exchangeForCompressed(file.path);
    exchanged = true;
    return [];
  });
  if (!exchanged) await discardCompressed(file.path);
  return exchanged;
}
