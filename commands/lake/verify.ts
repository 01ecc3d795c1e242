import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Config } from '../../base/config.ts';
import { UsageError } from '../../base/errors.ts';
import { isObjectUrl } from '../../base/objects/location.ts';
import { ObjectStore } from '../../base/objects/object-store.ts';
import { keptSince } from '../../collector/silver/kept-since.ts';
import { connect } from '../../db/connect.ts';
import { explainLack } from '../../db/lacking.ts';
import { counted } from '../output/counted.ts';
import { CHECKED_TABLES, checkDay, type DayCheck } from './checksums.ts';

/** A line of what a lake has written. Spark leaves out columns that are null; none of these is. */
const lineSchema = z.object({
  day: z.iso.date(),
  table: z.string(),
  rows: z.number(),
  checksum: z.string().regex(/^\d+$/),
});

interface Difference {
  day: string;
  table: string;
  lake: { rows: number; checksum: string } | null;
  postgresql: { rows: number; checksum: string };
}

interface LakeReport {
  ok: boolean;
  days: number;
  tables: number;
  differences: Difference[];
  /** Days that PostgreSQL has, and the lake not. */
  missing: string[];
  /** Days whose readings silver has forgotten: their gold was compared. */
  forgotten: number;
}

/**
 * `sluice lake verify`: compares what a lake says of its days, table by table, with PostgreSQL.
 * @returns whether nothing differs. @throws {UsageError} where the lake's words cannot be read, or say nothing.
 */
export async function verifyCommand(
  config: Config,
  log: Logger,
  places: string[],
  { date, json }: { date?: string; json?: boolean },
): Promise<boolean> {
  const lake = new Map<string, DayCheck>();
  for (const place of places)
    for await (const text of textsOf(config, place))
      for (const check of parse(place, text)) lake.set(`${check.day} ${check.table}`, check);
  const days = [...new Set([...lake.values()].map(({ day }) => day))].sort();
  const asked = date === undefined ? days : days.filter(day => day === date);
  if (asked.length === 0)
    throw new UsageError(
      `${places.join(', ')}: the lake says nothing ${date === undefined ? 'of any day' : `of ${date}`}.`,
    );
  const client = await connect(config.DATABASE_URL, 'sluice lake', error =>
    log.debug({ err: error }, 'connection lost'),
  );
  try {
    // All of one moment: a collector may be at work.
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    const since = await keptSince(client);
    const report: LakeReport = {
      ok: true,
      days: asked.length,
      tables: 0,
      differences: [],
      missing: [],
      forgotten: 0,
    };
    for (const day of asked) {
      const isForgotten = since !== undefined && Date.parse(day) < since.getTime();
      if (isForgotten) report.forgotten++;
      for (const { table, rows, checksum } of await checkDay(client, day)) {
        if (isForgotten && table.startsWith('silver.')) continue;
        report.tables++;
        const said = lake.get(`${day} ${table}`);
        if (said?.rows === rows && said.checksum === checksum) continue;
        const { rows: lakeRows, checksum: lakeChecksum } = said ?? {};
        report.differences.push({
          day,
          table,
          lake: said === undefined ? null : { rows: lakeRows!, checksum: lakeChecksum! },
          postgresql: { rows, checksum },
        });
      }
    }
    if (date === undefined) {
      const { rows } = await client.query<{ day: string }>(
        'SELECT day::text FROM bronze.lake_day WHERE made_of IS NOT NULL AND NOT day = ANY ($1::date[]) ORDER BY day',
        [asked],
      );
      report.missing = rows.map(({ day }) => day);
    }
    report.ok = report.differences.length === 0 && report.missing.length === 0;
    process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
    return report.ok;
  } catch (error) {
    throw await explainLack(error, config.DATABASE_URL);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The texts at a place: a file, the files of a folder, or an object and those below it. */
async function* textsOf(config: Config, place: string): AsyncGenerator<string> {
  if (isObjectUrl(place)) {
    const at = place.lastIndexOf('/');
    using store = await ObjectStore.open(config, place.slice(0, at));
    for await (const { key } of store.list(place.slice(at + 1))) {
      const head = key.endsWith('.json') ? await store.head(key) : undefined;
      if (head !== undefined) yield (await store.bytes(key, head)).toString();
    }
    return;
  }
  const found = await stat(place).catch(() => undefined);
  if (found === undefined)
    throw new UsageError(`${place} is not there. lake/duckdb and lake/spark write it: docs/lake.md.`);
  if (!found.isDirectory()) yield await readFile(place, 'utf8');
  else
    for (const name of (await readdir(place)).filter(name => name.endsWith('.json')).sort())
      yield await readFile(join(place, name), 'utf8');
}

function parse(place: string, text: string): DayCheck[] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      try {
        const check = lineSchema.parse(JSON.parse(line));
        if (check.table in CHECKED_TABLES) return check;
      } catch {}
      throw new UsageError(
        `${place}: ${line.slice(0, 100)} is not {"day": …, "table": …, "rows": …, "checksum": …} as lake/*/checks.sql writes it.`,
      );
    });
}

function reportText({ ok, days, tables, differences, missing, forgotten }: LakeReport): string {
  const lines = differences.map(({ day, table, lake, postgresql }) => {
    if (lake === null) return `${day} ${table}: the lake says nothing of it`;
    const rows =
      lake.rows === postgresql.rows
        ? `${counted(lake.rows, 'row')} in both, of other content`
        : `${counted(lake.rows, 'row')} in the lake, ${postgresql.rows} in PostgreSQL`;
    return `${day} ${table}: ${rows}`;
  });
  if (missing.length > 0)
    lines.push(
      `The lake lacks ${counted(missing.length, 'day')}: ${missing.slice(0, 10).join(', ')}. Run it again.`,
    );
  if (forgotten > 0)
    lines.push(`Silver has forgotten ${counted(forgotten, 'day')}: only gold was compared there.`);
  lines.push(
    ok
      ? `${counted(days, 'day')}, ${tables} tables: the lake says what PostgreSQL says, to the last bit.`
      : 'The lake differs from PostgreSQL. Where something changed since it was made, run `sluice lake write`, then the lake, again.',
  );
  return `${lines.join('\n')}\n`;
}
