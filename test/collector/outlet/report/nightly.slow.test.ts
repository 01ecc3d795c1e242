import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { NightlyReport } from '../../../../collector/outlet/report/nightly.ts';
import { type TestDatabase, withDatabase } from '../../../harness/database.ts';
import { eventually } from '../../../harness/eventually.ts';
import { configFor, startCollector } from '../../../harness/pipeline.ts';
import { freePort, temporaryFolder } from '../../../harness/server.ts';
import { playDay } from './example.ts';

const MORNING = new Date('2025-11-13T00:10:00Z');

interface Night {
  folder: string;
  database: TestDatabase;
  nightly: NightlyReport;
  loader: { database: { connected: boolean }; pendingBytes: number };
  /** Lines of the log, as level and message. */
  lines: string[];
}

async function withNight(use: (night: Night) => Promise<void>): Promise<void> {
  await using parent = await temporaryFolder();
  const folder = join(parent.path, 'reports');
  await withDatabase(async database => {
    await playDay(database, '2025-11-12', [{ id: 'Sensor 1' }]);
    const lines: string[] = [];
    const log = pino(
      { level: 'info' },
      { write: (line: string) => lines.push(`${JSON.parse(line).level} ${JSON.parse(line).msg}`) },
    );
    const loader = { database: { connected: true }, pendingBytes: 0 };
    const config = configFor({ DATABASE_URL: database.url, REPORT_DIR: folder });
    const nightly = new NightlyReport(config, log, () => loader);
    try {
      await use({ folder, database, nightly, loader, lines });
    } finally {
      await nightly.stop();
    }
  });
}

test('ten minutes after its end the day has its report, whole and once', async () => {
  await withNight(async ({ folder, nightly, lines }) => {
    await nightly.check(MORNING);
    expect(readdirSync(folder)).toEqual(['2025-11-12.html']);
    const file = join(folder, '2025-11-12.html');
    expect(readFileSync(file, 'utf8')).toMatch(/^<!doctype html>.*Sensor 1.*<\/html>\n$/s);
    expect(lines).toEqual(['30 wrote the report of the day']);
    writeFileSync(file, 'kept');
    await nightly.check(new Date('2025-11-13T18:00:00Z'));
    expect(readFileSync(file, 'utf8')).toBe('kept');
  });
});

test('before that it is the day before whose report is due; a missed one is made up until then', async () => {
  await withNight(async ({ folder, nightly }) => {
    await nightly.check(new Date('2025-11-13T00:09:59Z'));
    expect(readdirSync(folder)).toEqual(['2025-11-11.html']);
    await nightly.check(new Date('2025-11-14T00:09:59Z'));
    expect(readdirSync(folder)).toEqual(['2025-11-11.html', '2025-11-12.html']);
  });
});

test('it waits for the database, and for what is to be loaded, but not for ever', async () => {
  await withNight(async ({ folder, nightly, loader, lines }) => {
    mkdirSync(folder);
    loader.database.connected = false;
    for (let minute = 0; minute < 100; minute++) await nightly.check(MORNING);
    loader.database.connected = true;
    loader.pendingBytes = 100_000_000;
    for (let minute = 0; minute < 59; minute++) await nightly.check(MORNING);
    expect(readdirSync(folder)).toEqual([]);
    expect(lines).toEqual([]);
    await nightly.check(MORNING);
    expect(readdirSync(folder)).toEqual(['2025-11-12.html']);
  });
});

test('an error is logged once, harms nothing, and the next check tries again', async () => {
  await withNight(async ({ folder, database, nightly, lines }) => {
    await database.query('ALTER TABLE gold.data_quality_daily RENAME TO gone');
    await nightly.check(MORNING);
    await nightly.check(MORNING);
    expect(lines).toEqual(['50 cannot write the report of the day']);
    await database.query('ALTER TABLE gold.gone RENAME TO data_quality_daily');
    writeFileSync(folder, 'a file where the folder should be');
    await nightly.check(MORNING);
    expect(lines).toHaveLength(2);
  });
});

test('a stop gives up what is being made, and leaves nothing half done', async () => {
  await withNight(async ({ folder, database, nightly, lines }) => {
    mkdirSync(folder);
    await database.query('BEGIN; LOCK TABLE gold.data_quality_daily');
    const checking = nightly.check(MORNING);
    await eventually(async () => {
      const rows = await database.query(
        'SELECT FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())',
      );
      expect(rows).toHaveLength(1);
    });
    await nightly.stop();
    await checking;
    await database.query('ROLLBACK');
    expect(readdirSync(folder)).toEqual([]);
    expect(lines).toEqual([]);
  });
});

test('a collector writes it where REPORT_DIR is set', async () => {
  await using folder = await temporaryFolder();
  await withDatabase(async database => {
    const reports = join(folder.path, 'reports');
    const config = configFor({
      MQTT_URL: `mqtt://127.0.0.1:${await freePort()}`,
      DATABASE_URL: database.url,
      DATA_DIR: join(folder.path, 'data'),
      REPORT_DIR: reports,
    });
    await using _ = await startCollector(config);
    // It looks once a minute.
    await eventually(() => expect(readdirSync(reports)[0]).toMatch(/^\d{4}-\d\d-\d\d\.html$/));
  });
});
