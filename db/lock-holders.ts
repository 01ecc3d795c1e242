/** SQLSTATE of a statement that has waited for a lock longer than lock_timeout. */
const LOCK_NOT_AVAILABLE = '55P03';

/** A statement has waited for a lock as long as it may. */
export function isLockTimeout(error: unknown): boolean {
  return (error as { code?: unknown }).code === LOCK_NOT_AVAILABLE;
}

/**
 * Who else holds locks on Sluice's tables, or any advisory lock, in this database: process, user and application of
 * each, longest transaction first. What a lock timeout does not say.
 */
export async function lockHolders(connection: {
  query(text: string): Promise<{ rows: unknown[] }>;
}): Promise<string[]> {
  const { rows } = await connection.query(
    `SELECT format('%s (%s%s)', a.pid, a.usename, ', ' || nullif(a.application_name, '')) AS holder
     FROM pg_stat_activity a
     WHERE a.pid <> pg_backend_pid() AND a.pid IN (
       SELECT l.pid FROM pg_locks l
       LEFT JOIN pg_class c ON l.locktype = 'relation' AND c.oid = l.relation
       WHERE l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND (l.locktype = 'advisory' OR c.relnamespace IN (
           SELECT oid FROM pg_namespace WHERE nspname IN ('bronze', 'silver', 'gold', 'sluice')))
     )
     ORDER BY a.xact_start, a.pid`,
  );
  return (rows as { holder: string }[]).map(({ holder }) => holder);
}
