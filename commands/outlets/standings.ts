import type { ClientBase } from 'pg';
import { type Answer, answerOf, type Cell, type Column } from '../output/answer.ts';

const columns: Column[] = [
  { name: 'outlet', kind: 'text' },
  { name: 'collector', kind: 'text' },
  { name: 'sends', kind: 'text' },
  { name: 'sent', kind: 'number' },
  { name: 'waiting', kind: 'number' },
  { name: 'unit', kind: 'text' },
  { name: 'skipped', kind: 'number' },
  { name: 'dead_letters', kind: 'number' },
  { name: 'last_sent', kind: 'text' },
  { name: 'retired', kind: 'boolean' },
];

/** How far each outlet is: what was sent, what waits (lines of raw files, or means), and what was skipped or refused. */
export async function standings(client: ClientBase): Promise<Answer> {
  const { rows } = await client.query<Record<string, Cell>>(
    `SELECT outlet, collector, sends, sent::text, CASE WHEN sends = 'means'
         THEN (SELECT count(*) FROM sluice.mean_to_send q WHERE q.outlet = t.outlet)
         ELSE (
           SELECT coalesce(sum(f.lines - coalesce(o.lines, 0)), 0) FROM bronze.raw_file f
           LEFT JOIN bronze.outlet_file o ON o.outlet = t.outlet AND o.collector = f.collector AND o.path = f.path
           WHERE f.collector = t.collector AND f.removed_at IS NULL AND f.bytes > coalesce(o.bytes, 0)
             AND f.path ~ '^\\d{4}-\\d\\d-\\d\\d.*\\.jsonl$'
         ) END::text AS waiting,
       CASE WHEN sends = 'means' THEN 'means' ELSE 'lines' END AS unit, skipped::text,
       refused::text AS dead_letters,
       to_char(sent_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS last_sent,
       CASE WHEN retired_at IS NULL THEN 'false' ELSE 'true' END AS retired
     FROM bronze.outlet t ORDER BY outlet, collector`,
  );
  return answerOf(columns, rows);
}
