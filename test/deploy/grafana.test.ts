import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { newDatabase, type TestDatabase } from '../harness/database.ts';

const FOLDER = join(import.meta.dirname, '../../deploy/grafana');

interface Panel {
  id: number;
  title: string;
  type: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets: { refId: string; datasource: { uid: string }; rawSql?: string; expr?: string }[];
}

interface Dashboard {
  uid: string;
  title: string;
  panels: Panel[];
  templating: { list: { name: string; query: string }[] };
}

const dashboards = globSync('dashboards/*.json', { cwd: FOLDER })
  .sort()
  .map(file => ({
    file: basename(file),
    dashboard: JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Dashboard,
  }));

const panels = dashboards.flatMap(({ file, dashboard }) =>
  dashboard.panels.map(panel => ({ file, title: panel.title, panel })),
);

/** What Grafana makes of its macros and variables, for PostgreSQL. */
function withoutMacros(sql: string): string {
  const from = "'2025-11-12T00:00:00Z'";
  const to = "'2025-11-13T00:00:00Z'";
  return sql
    .replaceAll(/\$__timeGroup\((\S+), \$__interval\)/g, 'floor(extract(epoch from $1)/60)*60')
    .replaceAll(/\$__timeFilter\((\S+?)\)/g, `$1 BETWEEN ${from} AND ${to}`)
    .replaceAll('$__timeFrom()', from)
    .replaceAll('$__timeTo()', to)
    .replaceAll('$__interval', '1m')
    .replaceAll('$location', "'Hall 1','Yard'")
    .replaceAll('$sensor', 'Sensor 1');
}

let database: TestDatabase;
beforeAll(async () => {
  database = await newDatabase();
});
afterAll(() => database.drop());

test('there are the four dashboards, each with its own id', () => {
  expect(dashboards.map(({ file }) => file)).toEqual([
    'overview.json',
    'pipeline.json',
    'quality.json',
    'sensor.json',
  ]);
  expect(new Set(dashboards.map(({ dashboard }) => dashboard.uid)).size).toBe(dashboards.length);
});

const queries = [
  ...panels.flatMap(({ file, title, panel }) =>
    panel.targets.flatMap(({ rawSql }) =>
      rawSql === undefined ? [] : [{ what: `${file}: ${title}`, sql: rawSql }],
    ),
  ),
  ...dashboards.flatMap(({ file, dashboard }) =>
    dashboard.templating.list.map(({ name, query }) => ({ what: `${file}: variable ${name}`, sql: query })),
  ),
];

test.each(queries)('its SQL runs on the schema: $what', async ({ what, sql }) => {
  const plain = withoutMacros(sql);
  expect(plain, what).not.toMatch(/\$\w/);
  expect(await database.query(plain)).toBeInstanceOf(Array);
});

describe.each(dashboards)('$file', ({ dashboard }) => {
  test('has panels that lie within the grid, over none of the others, and ask a source that is provisioned', () => {
    const sources = parse(
      readFileSync(join(FOLDER, 'provisioning/datasources/sluice.yml'), 'utf8'),
    ).datasources;
    const uids = sources.map(({ uid }: { uid: string }) => uid);
    const cells = new Set<string>();
    for (const { gridPos, targets, title } of dashboard.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x},${y}`), `${title} lies over another`).toBe(false);
          cells.add(`${x},${y}`);
        }
      }
      expect(targets.length, title).toBeGreaterThan(0);
      for (const { datasource } of targets) expect(uids, title).toContain(datasource.uid);
    }
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });
});
