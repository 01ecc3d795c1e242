import type { Client } from 'pg';
import type { Config } from '../../base/config.ts';
import { errorText } from '../../base/errors.ts';
import { connect } from '../../db/connect.ts';
import { migrationsOf } from '../../db/migrate.ts';
import { explainUnreachable } from '../unreachable.ts';
import { Findings } from './finding.ts';

const OLDEST = 15;
/** Further apart than this, clocks mislead people who look at "the last five minutes". */
const MOST_CLOCK_MS = 2000;

/** Version, TimescaleDB, rights, migrations and clock of the database. */
export async function checkDatabase(config: Config): Promise<Findings> {
  const findings = new Findings('database');
  let client: Client;
  try {
    client = (await connect(config.DATABASE_URL, 'sluice check', () => undefined)) as Client;
  } catch (error) {
    findings.fail(errorText(explainUnreachable(error, config)));
    return findings;
  }
  try {
    await checkServer(client, findings);
    await checkMigrations(client, findings);
    await checkClock(client, findings);
  } catch (error) {
    findings.fail(errorText(error), 'see what DATABASE_URL names');
  } finally {
    await client.end().catch(() => undefined);
  }
  return findings;
}

async function checkServer(client: Client, findings: Findings): Promise<void> {
  const { rows } = await client.query<{
    version: string;
    number: number;
    timescaledb: string | null;
    owner: string;
    superuser: boolean;
    may_write: boolean | null;
  }>(
    `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
       (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS timescaledb,
       current_user AS owner, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
       CASE WHEN to_regclass('silver.sensor_reading') IS NOT NULL
         THEN has_table_privilege('silver.sensor_reading', 'INSERT') END AS may_write`,
  );
  const { version, number, timescaledb, owner, superuser, may_write } = rows[0]!;
  const name = `PostgreSQL ${version}, ${timescaledb === null ? 'without TimescaleDB (plain tables)' : `TimescaleDB ${timescaledb}`}`;
  if (number < OLDEST * 10_000) findings.fail(name, `Sluice needs PostgreSQL ${OLDEST} or newer`);
  else findings.ok(name);
  if (may_write === false) {
    findings.fail(
      `user ${owner} may not write readings`,
      'GRANT sluice_writer TO it, or name another user in DATABASE_URL',
    );
  } else if (superuser) {
    findings.advise(
      `user ${owner} is a superuser`,
      'a user with the role sluice_writer is enough for a collector',
    );
  } else findings.ok(`user ${owner} has the rights that a collector needs`);
}

async function checkMigrations(client: Client, findings: Findings): Promise<void> {
  const { applied, missing } = await migrationsOf(client);
  if (missing.length === 0)
    findings.ok(`its tables are those of this version (${applied.length} migrations)`);
  else {
    const what = applied.length === 0 ? 'it has no tables of Sluice yet' : `it lacks ${missing.join(', ')}`;
    findings.advise(what, '`sluice migrate`, or the start of a collector whose user may do so, makes them');
  }
}

async function checkClock(client: Client, findings: Findings): Promise<void> {
  const before = Date.now();
  const { rows } = await client.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  const here = (before + Date.now()) / 2;
  const aheadMs = Math.round(rows[0]!.now.getTime() - here);
  if (Math.abs(aheadMs) <= MOST_CLOCK_MS) findings.ok('its clock is ours');
  else {
    const what = `its clock is ${Math.abs(aheadMs) / 1000} s ${aheadMs > 0 ? 'ahead of' : 'behind'} ours`;
    findings.advise(what, 'let both machines follow a time server');
  }
}
