const MIGRATION = '0012_long_ids';
const READINGS = 'silver.sensor_reading';

/** What it needs of a connection. */
interface Connection {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

type Log = (message: string, level: 'info' | 'warn') => void;

/**
 * Before the migration that lengthens sensor ids: decompresses the chunks of the readings, as TimescaleDB changes no column
 * of a compressed table. Says before how much space that takes. Chunk by chunk, each noted in `sluice.decompressed_chunk`:
 * when it is interrupted, the next call goes on.
 * @param lacking names of the migrations that the database lacks.
 */
export async function decompressForLongIds(
  connection: Connection,
  lacking: readonly string[],
  log: Log,
): Promise<void> {
  if (!lacking.includes(MIGRATION) || !(await hasReadings(connection))) return;
  const { rows } = await connection.query(
    `SELECT count(*)::int AS chunks, pg_size_pretty(coalesce(sum(before_compression_total_bytes - after_compression_total_bytes), 0)) AS size
     FROM chunk_compression_stats('${READINGS}') WHERE compression_status = 'Compressed'`,
  );
  const { chunks, size } = rows[0] as { chunks: number; size: string };
  if (chunks === 0) return;
  log(
    `sensor ids become longer, for which the readings have to be decompressed for a while: ${chunks} chunks, which takes ${size} ` +
      'more space until they are compressed again. It can be interrupted, and goes on with the next start',
    'warn',
  );
  // Nobody compresses behind our back. The policy comes again with SILVER_COMPRESS_AFTER_DAYS.
  await connection.query(`SELECT remove_compression_policy('${READINGS}', if_exists => true)`);
  await connection.query('CREATE TABLE IF NOT EXISTS sluice.decompressed_chunk (name text PRIMARY KEY)');
  for (let chunk = await nextCompressed(connection); chunk !== undefined; ) {
    // Noted first: a chunk that is noted and still compressed does no harm.
    await connection.query('INSERT INTO sluice.decompressed_chunk VALUES ($1) ON CONFLICT DO NOTHING', [
      chunk,
    ]);
    await connection.query('SELECT decompress_chunk($1::regclass, true)', [chunk]);
    chunk = await nextCompressed(connection);
  }
}

/** After it: compresses again what was compressed before, chunk by chunk. What was left of an earlier call is done, too. */
export async function compressAgain(connection: Connection, log: Log): Promise<void> {
  // Of those who may only load, nobody can.
  const { rows: tables } = await connection.query(
    "SELECT FROM pg_class WHERE oid = to_regclass('sluice.decompressed_chunk') AND pg_has_role(relowner, 'USAGE')",
  );
  if (tables.length === 0) return;
  for (;;) {
    const { rows } = await connection.query('SELECT name FROM sluice.decompressed_chunk LIMIT 1');
    const [chunk] = rows as { name: string }[];
    if (chunk === undefined) break;
    await connection.query('SELECT compress_chunk(c, true) FROM to_regclass($1) c WHERE c IS NOT NULL', [
      chunk.name,
    ]);
    await connection.query('DELETE FROM sluice.decompressed_chunk WHERE name = $1', [chunk.name]);
  }
  await connection.query('DROP TABLE sluice.decompressed_chunk');
  log('the readings that had been decompressed for longer sensor ids are compressed again', 'info');
}

async function hasReadings(connection: Connection): Promise<boolean> {
  const { rows } = await connection.query(
    `SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') AND to_regclass('${READINGS}') IS NOT NULL AS has`,
  );
  return (rows[0] as { has: boolean }).has;
}

async function nextCompressed(connection: Connection): Promise<string | undefined> {
  const { rows } = await connection.query(
    `SELECT format('%I.%I', chunk_schema, chunk_name) AS name FROM timescaledb_information.chunks
     WHERE hypertable_schema = 'silver' AND hypertable_name = 'sensor_reading' AND is_compressed ORDER BY range_start LIMIT 1`,
  );
  return (rows as { name: string }[])[0]?.name;
}
