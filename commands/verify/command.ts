import type { Command } from 'commander';
import type { ClientBase } from 'pg';
import type { Logger } from 'pino';
import type { Config } from '../../base/settings.ts';
import { readCollectorName } from '../../collector/bronze/folder-identity.ts';
import { configuredTopics } from '../../collector/payload/configured-topics.ts';
import { connect } from '../../db/connect.ts';
import { utcDay } from '../options.ts';
import { toEnd } from '../run.ts';
import { reportText } from './report.ts';
import { verify } from './verify.ts';

interface VerifyArguments {
  date?: string;
  sensor?: string;
  json?: boolean;
}

export default (command: Command) =>
  command
    .option('--date <date>', 'only readings of this UTC date, such as 2025-11-12', utcDay)
    .option('--sensor <id>', 'only readings of this sensor')
    .option('--json', 'the report as JSON')
    .action(toEnd(verifyCommand));

/**
 * `sluice verify`: compares the raw files with the database and prints what it found.
 * @returns whether nothing differs.
 */
async function verifyCommand(
  config: Config,
  log: Logger,
  { date, sensor, json }: VerifyArguments,
): Promise<boolean> {
  const collector = await readCollectorName(config.DATA_DIR);
  if (collector === undefined) {
    throw new Error(
      `No collector has recorded in ${config.DATA_DIR} yet. Set DATA_DIR to the folder that is to be verified.`,
    );
  }
  const client = await connect(config.DATABASE_URL, 'sluice verify', error =>
    log.debug({ err: error }, 'connection lost'),
  );
  try {
    await demandSchema(client);
    const topics = configuredTopics(config);
    const report = await verify(client, { dataDir: config.DATA_DIR, collector, topics, date, sensor });
    process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
    return report.ok;
  } finally {
    await client.end().catch(() => undefined);
  }
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
