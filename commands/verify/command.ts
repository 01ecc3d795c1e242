import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { ClientBase } from 'pg';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { UsageError } from '../../base/errors.ts';
import { readCollectorName } from '../../collector/bronze/folder-identity.ts';
import { configuredTopics } from '../../collector/payload/configured-topics.ts';
import { connect } from '../../db/connect.ts';
import { repeated, utcDay } from '../options.ts';
import { toEnd } from '../run.ts';
import { reportText } from './report.ts';
import { type Folder, verify } from './verify.ts';

interface VerifyArguments {
  date?: string;
  sensor?: string;
  /** Data folders of further collectors. */
  data: string[];
  onlyMine?: boolean;
  exhaustive?: boolean;
  json?: boolean;
}

export default (command: Command) =>
  command
    .option('--date <date>', 'only readings of this UTC date, such as 2025-11-12', utcDay)
    .option('--sensor <id>', 'only readings of this sensor')
    .option(
      '--data <folder>',
      'the data folder of another collector that loads into the same database; may be repeated',
      repeated,
      [],
    )
    .option('--only-mine', 'collectors whose data folders are not named are no reason for exit status 1')
    .option(
      '--exhaustive',
      'also what other settings or another version of Sluice may have judged otherwise: late marks, why a line was rejected',
    )
    .option('--json', 'the report as JSON')
    .action(toEnd(verifyCommand));

/**
 * `sluice verify`: compares the raw files with the database and prints what it found.
 * @returns whether nothing differs.
 * @throws {UsageError} where no collector has recorded in a folder.
 */
async function verifyCommand(config: Config, log: Logger, given: VerifyArguments): Promise<boolean> {
  const { date, sensor, data, onlyMine = false, exhaustive = false, json } = given;
  const own = await folderAt(config.DATA_DIR, 'DATA_DIR');
  const others = await Promise.all(data.map(path => folderAt(resolve(path), '--data')));
  const topics = configuredTopics(config);
  const client = await connect(config.DATABASE_URL, 'sluice verify', error =>
    log.debug({ err: error }, 'connection lost'),
  );
  try {
    await demandSchema(client);
    const report = await verify(client, {
      ...own,
      others: others.filter(({ collector }) => collector !== own.collector),
      topics,
      zone: config.SENSOR_TIMEZONE,
      date,
      sensor,
      onlyMine,
      exhaustive,
      lateMinutes: config.LATE_MINUTES,
      retention: { raw: config.RAW_RETENTION_DAYS, silver: config.SILVER_RETENTION_DAYS },
    });
    process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
    return report.ok;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function folderAt(dataDir: string, setting: string): Promise<Folder> {
  const collector = await readCollectorName(dataDir);
  if (collector !== undefined) return { dataDir, collector };
  throw new UsageError(
    `No collector has recorded in ${dataDir} yet. Set ${setting} to the folder that is to be verified.`,
  );
}

async function demandSchema(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ known: boolean }>(
    "SELECT to_regclass('bronze.raw_file') IS NOT NULL AS known",
  );
  if (!rows[0]!.known) {
    throw new Error(
      'This database has no tables of Sluice. Set DATABASE_URL to the one that has, or run `sluice migrate`.',
    );
  }
}
