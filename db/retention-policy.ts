import { errorText } from '../base/errors.ts';
import type { Connection } from './migrate.ts';

/**
 * Lets the database know for how long readings are kept at least: only the owner of the tables may say so, and by
 * nothing else can a reading go. A refusal is a warning: the database keeps what its owner has said.
 * @param days SILVER_RETENTION_DAYS; 0: for ever.
 */
export async function declareRetention(
  connection: Connection,
  days: number,
  warn: (message: string) => void,
): Promise<void> {
  try {
    const { rows } = await connection.query('SELECT silver_days FROM sluice.retention_policy');
    const present = (rows as { silver_days: number }[])[0]?.silver_days ?? 0;
    if (present === days) return;
    if (days === 0) await connection.query('DELETE FROM sluice.retention_policy');
    else
      await connection.query(
        `INSERT INTO sluice.retention_policy (silver_days) VALUES ($1)
         ON CONFLICT (one) DO UPDATE SET silver_days = excluded.silver_days`,
        [days],
      );
  } catch (error) {
    warn(
      `the database does not take SILVER_RETENTION_DAYS=${days} (${errorText(error)}); it keeps readings as the owner of its ` +
        'tables has said. To change that, run `sluice migrate` with this setting as the owner',
    );
  }
}
