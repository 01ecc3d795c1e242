import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { UsageError } from '../../base/errors.ts';
import { ObjectStore } from '../../base/objects/object-store.ts';
import { readCollectorName } from '../../collector/bronze/folder-identity.ts';
import { LakeWriting } from '../../collector/retention/lake/lake-writing.ts';
import { connect } from '../../db/connect.ts';
import { explainLack } from '../../db/lacking.ts';
import { counted } from '../output/counted.ts';

/**
 * `sluice lake write`: writes what the lake lacks of the archive, at once, also beside a running collector.
 * @returns whether everything could be written. @throws {UsageError} without an archive, or without a data folder.
 */
export async function writeCommand(config: Config, log: Logger, given: { json?: boolean }): Promise<boolean> {
  const { ARCHIVE_URL: url, DATA_DIR: dataDir } = config;
  if (url === undefined) throw new UsageError('The lake is made of the archive: set ARCHIVE_URL.');
  const collector = await readCollectorName(dataDir);
  if (collector === undefined)
    throw new UsageError(`No collector has recorded in ${dataDir} yet: set DATA_DIR.`);
  const client = await connect(config.DATABASE_URL, 'sluice lake', error =>
    log.debug({ err: error }, 'connection lost'),
  );
  try {
    using store = await ObjectStore.open(config, url);
    const written = await new LakeWriting({ client, store, config, collector, restHours: 0 }).run();
    const { files, readings, days, held, refused } = written;
    for (const reason of refused) process.stderr.write(`${reason}\n`);
    if (held.length > 0)
      process.stderr.write(
        `${held.join(', ')}: another process writes it, or was killed at it; try again, in 15 minutes at the latest\n`,
      );
    process.stdout.write(
      given.json
        ? `${JSON.stringify(written, null, 2)}\n`
        : `Decoded ${counted(files, 'file')} with ${counted(readings, 'reading')}; ${counted(days.length, 'day')} written.\n`,
    );
    return refused.length === 0 && held.length === 0;
  } catch (error) {
    throw await explainLack(error, config.DATABASE_URL);
  } finally {
    await client.end().catch(() => undefined);
  }
}
