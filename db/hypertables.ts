import type { Config } from '../base/config.ts';
import { errorText } from '../base/errors.ts';
import type { Connection } from './migrate.ts';

const READINGS = 'silver.sensor_reading';

/** What TimescaleDB does with readings, as the settings say. */
export type HypertableSettings = Pick<Config, 'SILVER_CHUNK_DAYS' | 'SILVER_COMPRESS_AFTER_DAYS'>;

type Warn = (message: string) => void;

/** What TimescaleDB does at present. */
interface Present {
  chunk_days: number;
  /** Days; undefined: nothing is compressed by itself. */
  compress_after: number | undefined;
  /** The table can be compressed at all: it has been told how, and the licence allows it. */
  compressible: boolean;
}

/**
 * Makes the hypertable of the readings follow the settings, where there is one. A refusal is a warning: it works all the
 * same, and whoever owns the table can run `sluice migrate` with these settings.
 */
export async function shapeHypertable(
  connection: Connection,
  { SILVER_CHUNK_DAYS: chunkDays, SILVER_COMPRESS_AFTER_DAYS: after }: HypertableSettings,
  warn: Warn,
): Promise<void> {
  try {
    const present = await presentOf(connection);
    if (present !== undefined) await follow(connection, present, chunkDays, after, warn);
  } catch (error) {
    warn(
      `cannot tell whether the readings follow SILVER_CHUNK_DAYS and SILVER_COMPRESS_AFTER_DAYS: ${errorText(error)}`,
    );
  }
}

async function follow(
  connection: Connection,
  present: Present,
  chunkDays: number,
  after: number,
  warn: Warn,
): Promise<void> {
  if (present.chunk_days !== chunkDays) {
    await attempt(connection, warn, `SILVER_CHUNK_DAYS=${chunkDays}`, [
      `SELECT set_chunk_time_interval('${READINGS}', INTERVAL '${chunkDays} days')`,
    ]);
  }
  if (present.compressible && (present.compress_after ?? 0) !== after) {
    const { add, remove } = await policyCalls(connection);
    await attempt(connection, warn, `SILVER_COMPRESS_AFTER_DAYS=${after}`, [
      ...(present.compress_after === undefined ? [] : [remove]),
      ...(after === 0 ? [] : [add(after)]),
    ]);
  }
}

async function presentOf(connection: Connection): Promise<Present | undefined> {
  const installed = await connection.query("SELECT FROM pg_extension WHERE extname = 'timescaledb'");
  if (installed.rows.length === 0) return undefined;
  const { rows } = await connection.query(
    `SELECT extract(epoch FROM d.time_interval)::float8 / 86400 AS chunk_days,
       h.compression_enabled AND current_setting('timescaledb.license', true) = 'timescale' AS compressible
     FROM timescaledb_information.hypertables h
     JOIN timescaledb_information.dimensions d USING (hypertable_schema, hypertable_name)
     WHERE hypertable_schema = 'silver' AND hypertable_name = 'sensor_reading' AND d.dimension_number = 1`,
  );
  const [row] = rows as { chunk_days: number; compressible: boolean }[];
  if (row === undefined) return undefined;
  const policy = await connection.query(
    `SELECT extract(epoch FROM (config->>'compress_after')::interval)::float8 / 86400 AS days
     FROM timescaledb_information.jobs
     WHERE hypertable_schema = 'silver' AND hypertable_name = 'sensor_reading' AND config ? 'compress_after'`,
  );
  return { ...row, compress_after: (policy.rows as { days: number }[])[0]?.days };
}

/** TimescaleDB 2.18 gave its policies new names, and keeps the old ones until some later version. */
async function policyCalls(
  connection: Connection,
): Promise<{ add: (days: number) => string; remove: string }> {
  const { rows } = await connection.query("SELECT FROM pg_proc WHERE proname = 'add_columnstore_policy'");
  return rows.length > 0
    ? {
        add: days => `CALL add_columnstore_policy('${READINGS}', after => INTERVAL '${days} days')`,
        remove: `CALL remove_columnstore_policy('${READINGS}')`,
      }
    : {
        add: days =>
          `SELECT add_compression_policy('${READINGS}', compress_after => INTERVAL '${days} days')`,
        remove: `SELECT remove_compression_policy('${READINGS}')`,
      };
}

/** All statements or none of them. */
async function attempt(
  connection: Connection,
  warn: Warn,
  setting: string,
  statements: string[],
): Promise<void> {
  try {
    await connection.query(['BEGIN', ...statements, 'COMMIT'].join('; '));
  } catch (error) {
    await connection.query('ROLLBACK').catch(() => undefined);
    warn(
      `the database refuses ${setting} (${errorText(error)}); it stays as it is. To have it, run \`sluice migrate\` with ` +
        'this setting as the owner of the tables',
    );
  }
}
