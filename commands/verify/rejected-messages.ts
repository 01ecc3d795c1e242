import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientBase } from 'pg';
import { rejectedFile } from '../../collector/bronze/rejected-file.ts';
import { rejectsIn } from '../../collector/silver/rejected-messages.ts';
import type { Difference } from './difference.ts';
import type { RetentionDays } from './retention.ts';

const DAY_MS = 86_400_000;
const STEP_BYTES = 4 * 1024 * 1024;
const LF = 0x0a;

/** What the database says of a day's file of rejected messages. */
interface Counted {
  day: string;
  bytes: string;
  is_archived: boolean;
  /** Messages by reason. */
  reasons: Record<string, number>;
}

/**
 * Compares the files of rejected messages with what silver.rejected_message counts of them. Nothing but these files has the
 * messages.
 * @param retention what the settings say is kept; undefined: a file that is gone was removed on purpose.
 */
export async function rejectedDifferences(
  client: ClientBase,
  { dataDir, collector }: { dataDir: string; collector: string },
  retention: RetentionDays | undefined,
  now = Date.now(),
): Promise<Difference[]> {
  const { rows } = await client.query<Counted>(
    `SELECT f.day::text, f.bytes, f.archived_at IS NOT NULL AS is_archived,
       coalesce((SELECT jsonb_object_agg(reason, n) FROM (
         SELECT reason, sum(count) AS n FROM silver.rejected_message m
         WHERE m.collector = f.collector AND m.day = f.day GROUP BY reason
       ) r), '{}') AS reasons
     FROM bronze.rejected_file f WHERE f.collector = $1 ORDER BY f.day`,
    [collector],
  );
  const differences: Difference[] = [];
  for (const counted of rows) {
    const file = rejectedFile(Date.parse(counted.day) * 1000);
    const what = await differenceOf(join(dataDir, file), counted, isKept(counted, retention, now));
    if (what !== undefined) differences.push({ kind: 'rejected_message', file, what });
  }
  return differences;
}

function isKept({ day, is_archived }: Counted, retention: RetentionDays | undefined, now: number): boolean {
  if (retention === undefined || is_archived) return false;
  return retention.raw === 0 || Date.parse(day) + (retention.raw + 1) * DAY_MS > now;
}

async function differenceOf(
  path: string,
  { bytes, reasons }: Counted,
  isKept: boolean,
): Promise<string | undefined> {
  const found = await reasonsIn(path, Number(bytes)).catch(error => {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  });
  const sum = Object.values(reasons).reduce((all, n) => all + n, 0);
  if (found === undefined)
    return isKept ? `the file is gone; silver.rejected_message counts ${sum} messages in it` : undefined;
  if (found.bytes < Number(bytes))
    return `the file has ${found.bytes} bytes, of which ${bytes} were counted in silver.rejected_message: messages are missing`;
  for (const reason of new Set([...Object.keys(reasons), ...found.reasons.keys()])) {
    const [said, has] = [reasons[reason] ?? 0, found.reasons.get(reason) ?? 0];
    if (said !== has)
      return `silver.rejected_message counts ${said} messages that were rejected as "${reason}"; the file has ${has}`;
  }
  return undefined;
}

/** Messages by reason in the first `bytes` bytes of a file, and how many bytes of those there are. */
async function reasonsIn(
  path: string,
  bytes: number,
): Promise<{ bytes: number; reasons: Map<string, number> }> {
  await using file = await open(path);
  const reasons = new Map<string, number>();
  const { size } = await file.stat();
  let rest = Buffer.alloc(0);
  for (let at = 0; at < Math.min(bytes, size); ) {
    const piece = Buffer.alloc(Math.min(STEP_BYTES, bytes - at));
    const { bytesRead } = await file.read(piece, 0, piece.length, at);
    if (bytesRead === 0) break;
    at += bytesRead;
    const text = Buffer.concat([rest, piece.subarray(0, bytesRead)]);
    const end = text.lastIndexOf(LF) + 1;
    for (const { reason } of rejectsIn(text.subarray(0, end)))
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    rest = Buffer.from(text.subarray(end));
  }
  return { bytes: Math.min(bytes, size), reasons };
}
