import pg from 'pg';

/*
 * A server that does not notice that its client is gone keeps the locks of the transaction, by default for two hours, and
 * everything that loads the same rows waits for them. Not every server knows every one of these settings.
 */
const NOTICE_LOST_CLIENTS = `
  DO $$
  DECLARE
    setting text[];
  BEGIN
    FOREACH setting SLICE 1 IN ARRAY ARRAY[
      ['tcp_keepalives_idle', '10'], ['tcp_keepalives_interval', '5'], ['tcp_keepalives_count', '3'],
      ['tcp_user_timeout', '30s'], ['client_connection_check_interval', '10s'],
      ['idle_in_transaction_session_timeout', '60s'], ['lock_timeout', '30s']
    ] LOOP
      BEGIN
        PERFORM set_config(setting[1], setting[2], false);
      EXCEPTION WHEN OTHERS THEN
        NULL;
      END;
    END LOOP;
  END
  $$`;

/**
 * Connects to PostgreSQL with what every connection of ours needs.
 * @param application name that pg_stat_activity shows.
 * @param onLost called when the connection breaks while nobody waits for an answer.
 */
export async function connect(
  url: string,
  application: string,
  onLost: (error: Error) => void,
): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    application_name: application,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  client.on('error', onLost);
  await client.connect();
  try {
    // What is written and compared is in UTC, and a statement sees what committed before it began; settings of the role or
    // the database must not turn that.
    await client.query(
      `SET TIME ZONE 'UTC'; SET datestyle = 'ISO'; SET extra_float_digits = 1;
       SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED`,
    );
    await client.query(NOTICE_LOST_CLIENTS);
  } catch (error) {
    sever(client);
    throw error;
  }
  return client;
}

/** Ends a connection at once, also one that hangs: everything that waits on it fails. */
export function sever(client: pg.Client): void {
  const { stream } = (client as unknown as { connection: { stream: { destroy(error?: Error): void } } })
    .connection;
  stream.destroy(new Error('connection severed'));
}
