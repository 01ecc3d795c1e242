import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readConfig } from '../../base/config.ts';
import { ObjectStore } from '../../base/objects/object-store.ts';
import { migrate } from '../../db/migrate.ts';
import { startSeaweedFs, withoutSeaweedFs } from '../../test/harness/seaweedfs.ts';
import type { Bench } from '../bench.ts';
import { BenchFolder, runSluice } from '../collector-process.ts';
import { BenchDatabase } from '../database.ts';
import { loadStart, readingOf, sensorId } from '../load.ts';
import type { Plan } from '../plan.ts';
import type { PartResult } from '../result.ts';
import { ratios, spread } from '../stats.ts';
import { copyName, copyRows } from './catch-up.ts';

const FILES = 8;
const MINUTE_MS = 60_000;
const CHUNK_ROWS = 20_000;

/** What there is to import: files of CSV, and the same rows as COPY takes them. */
interface Measurements {
  /** A folder, or a place in object storage. */
  place: string;
  rowsFile: string;
  rows: number;
  /** Of the object storage. */
  env: Record<string, string>;
}

/** Importing files of CSV, from object storage where SeaweedFS is installed, against COPY of the same rows. */
export async function measureImport(bench: Bench, plan: Plan): Promise<PartResult> {
  const { rows, sensors, rounds } = plan.import;
  await using stack = new AsyncDisposableStack();
  const local = join(bench.folder, 'measurements');
  const rowsFile = join(bench.folder, 'measurements.tsv');
  await writeMeasurements(local, rowsFile, rows, sensors);
  const measurements = { rowsFile, rows, ...(await upload(stack, local)) };
  const rates = { copy: [] as number[], stored: [] as number[], all: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const sides = [
      async () =>
        rates.copy.push(
          await withDatabase(bench, database => copyRows(bench, database, { rowsFile, lines: rows })),
        ),
      async () => {
        const { stored, all } = await withDatabase(bench, database =>
          importRows(bench, database, sensors, measurements),
        );
        rates.stored.push(stored);
        rates.all.push(all);
      },
    ];
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) await side();
    const [copy, stored, all] = [rates.copy, rates.stored, rates.all].map(side => Math.round(side.at(-1)!));
    bench.print(`  round ${round + 1}: COPY ${copy}, import ${stored}, with the means ${all} rows/s`);
  }
  const of = (side: number[]) => ratios(side, rates.copy);
  return {
    title: 'Importing files',
    method:
      `${rows.toLocaleString('en')} rows of ${sensors} sensors, one a minute each, in ${FILES} files of CSV ` +
      `${withoutSeaweedFs ? 'on this disk' : 'in object storage (SeaweedFS, beside it on these cores)'}, into an empty silver with all ` +
      'its indexes, against COPY of the same rows in the same order. Time runs from the start of the process to the last row ' +
      `committed; and to its end, with the means of every minute. ${rounds} round(s), by turns.`,
    columns: [{ title: '' }, { title: 'rows/s' }, { title: 'of COPY', digits: 2 }],
    rows: [
      [copyName, spread(rates.copy), ''],
      ['sluice import, to the last row', spread(rates.stored), of(rates.stored)],
      ['sluice import, with the means', spread(rates.all), of(rates.all)],
    ],
    figures: { 'import of COPY': of(rates.stored), 'import with means of COPY': of(rates.all) },
    rounds: [
      { name: copyName, rates: rates.copy },
      { name: 'sluice import', rates: rates.stored },
      { name: 'sluice import, with the means', rates: rates.all },
    ],
  };
}

/** Puts the files into object storage, where there is one. */
async function upload(
  stack: AsyncDisposableStack,
  local: string,
): Promise<Pick<Measurements, 'place' | 'env'>> {
  if (withoutSeaweedFs) return { place: local, env: {} };
  const server = stack.use(await startSeaweedFs());
  const { ARCHIVE_URL, ...env } = await server.settings();
  using store = await ObjectStore.open(readConfig(env), ARCHIVE_URL);
  for (let file = 0; file < FILES; file++) {
    const name = fileName(file);
    await store.writeBytes(name, await readFile(join(local, name)), { ifNoneMatch: '*' });
  }
  return { place: ARCHIVE_URL, env };
}

async function withDatabase<T>(bench: Bench, use: (database: BenchDatabase) => Promise<T>): Promise<T> {
  await using database = await BenchDatabase.create(bench);
  await migrate(database.url);
  return await use(database);
}

async function importRows(
  bench: Bench,
  database: BenchDatabase,
  sensors: number,
  { place, rows, env }: Measurements,
) {
  await using folder = await BenchFolder.create(bench, sensors);
  const began = Date.now();
  const program = await runSluice(bench, ['import', place], folder, { DATABASE_URL: database.url, ...env });
  const done = await Promise.race([database.untilLines(rows), program.failed()]);
  await program.succeed();
  return { stored: (rows * 1000) / (done - began), all: (rows * 1000) / (Date.now() - began) };
}

/** Writes rows in the order of their times, all sensors in turn; the newest is of the day before yesterday at most. */
async function writeMeasurements(
  folder: string,
  rowsFile: string,
  rows: number,
  sensors: number,
): Promise<void> {
  await mkdir(folder);
  const from = loadStart(0) - Math.ceil(rows / sensors) * MINUTE_MS;
  await using copy = await open(rowsFile, 'w');
  const perFile = Math.ceil(rows / FILES);
  for (let file = 0; file < FILES; file++) {
    await using csv = await open(join(folder, fileName(file)), 'w');
    await csv.write('sensor_uuid,timestamp,sensor_value\n');
    const end = Math.min(rows, (file + 1) * perFile);
    for (let first = file * perFile; first < end; first += CHUNK_ROWS) {
      let [csvText, copyText] = ['', ''];
      for (let row = first; row < Math.min(end, first + CHUNK_ROWS); row++) {
        const sensor = sensorId((row % sensors) + 1);
        const time = new Date(from + Math.floor(row / sensors) * MINUTE_MS).toISOString().slice(0, 19);
        csvText += `${sensor},${time}+00,${readingOf(row)}\n`;
        copyText += `${time}Z\t${sensor}\t${readingOf(row)}\tvalid\n`;
      }
      await csv.write(csvText);
      await copy.write(copyText);
    }
  }
}

function fileName(file: number): string {
  return `${file + 1}.csv`;
}
