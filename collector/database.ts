import pg from 'pg';

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
    // What is written and compared is in UTC; settings of the role or the database must not turn it.
    await client.query("SET TIME ZONE 'UTC'; SET datestyle = 'ISO'; SET extra_float_digits = 1");
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
