import type pg from 'pg';
import type { Logger } from 'pino';
import type { Config } from '../base/config.ts';
import { connect } from '../db/connect.ts';
import { explainLack } from '../db/lacking.ts';

/**
 * Lends a command a connection to the database, and closes it afterwards.
 * @param application name that pg_stat_activity shows.
 * @throws what `use` throws; where Sluice's tables are not there, or are older, an error that says so.
 */
export async function withDatabase<T>(
  config: Config,
  log: Logger,
  application: string,
  use: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await connect(config.DATABASE_URL, application, error =>
    log.debug({ err: error }, 'connection lost'),
  );
  try {
    return await use(client);
  } catch (error) {
    throw await explainLack(error, config.DATABASE_URL);
  } finally {
    await client.end().catch(() => undefined);
  }
}
