import type { Command } from 'commander';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { connect } from '../../db/connect.ts';
import { shapeHypertable } from '../../db/hypertables.ts';
import { migrate } from '../../db/migrate.ts';
import { declareRetention } from '../../db/retention-policy.ts';
import { toEnd } from '../run.ts';

export default (command: Command) =>
  command.option('--json', 'what was done, as JSON').action(toEnd(migrateCommand));

/** `sluice migrate`: brings the schema to that of this version, and TimescaleDB to what the settings say of it. */
async function migrateCommand(config: Config, log: Logger, { json }: { json?: boolean }): Promise<boolean> {
  const { applied, timescaledb, unused } = await migrate(config.DATABASE_URL, (message, level) =>
    log[level](message),
  );
  const client = await connect(config.DATABASE_URL, 'sluice migrate', () => undefined);
  try {
    await shapeHypertable(client, config, message => log.warn(message));
    await declareRetention(client, config.SILVER_RETENTION_DAYS, message => log.warn(message));
  } finally {
    await client.end().catch(() => undefined);
  }
  if (json) {
    process.stdout.write(`${JSON.stringify({ applied, timescaledb: timescaledb ?? null }, null, 2)}\n`);
    return true;
  }
  const done = applied.length > 0 ? `Applied ${applied.join(', ')}.` : 'The database is up to date.';
  const server = timescaledb
    ? `TimescaleDB ${timescaledb}.`
    : `Plain PostgreSQL, ${unused ?? 'no TimescaleDB'}.`;
  process.stdout.write(`${done} ${server}\n`);
  return true;
}
