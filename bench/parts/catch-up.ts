import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrate } from '../../db/migrate.ts';
import type { Bench } from '../bench.ts';
import { Broker } from '../broker.ts';
import { BenchFolder, runSluice, startCollector } from '../collector-process.ts';
import { BenchDatabase } from '../database.ts';
import { loadStart } from '../load.ts';
import type { Plan } from '../plan.ts';
import { writeRecording } from '../recording.ts';
import type { PartResult } from '../result.ts';
import { ratios, spread } from '../stats.ts';

const hasPsql = spawnSync('psql', ['--version']).error === undefined;
const bareCopy = fileURLToPath(new URL('../bare-copy.ts', import.meta.url));
/** What COPY is run by. */
export const copyName = hasPsql ? 'psql \\copy' : 'COPY (pg-copy-streams; no psql here)';

/** What there is to load: raw files, and the same rows as COPY takes them. */
interface Recording {
  folder: BenchFolder;
  rowsFile: string;
  lines: number;
}

/** Rows a second, from the start of the process to the last row committed. */
type Load = (bench: Bench, database: BenchDatabase, recording: Recording) => Promise<number>;

/** Loading what is recorded, against COPY of the same rows into the same table. */
export async function measureCatchUp(bench: Bench, plan: Plan): Promise<PartResult> {
  const { lines, sensors, rounds } = plan.catchUp;
  await using folder = await BenchFolder.create(bench, sensors);
  const rowsFile = join(bench.folder, 'rows.tsv');
  bench.print(`  writing ${lines.toLocaleString('en')} lines`);
  const load = { sensors, count: lines, from: loadStart(0) };
  await writeRecording(load, folder.raw, rowsFile, bench.signal);

  const sides: { name: string; load: Load; rates: number[] }[] = [
    { name: copyName, load: copyRows, rates: [] },
    { name: 'sluice replay', load: replayLines, rates: [] },
    { name: 'sluice collect, from its start', load: collectLines, rates: [] },
  ];
  for (let round = 0; round < rounds; round++) {
    for (const { name, load, rates } of round % 2 === 0 ? sides : sides.toReversed()) {
      await using database = await BenchDatabase.create(bench);
      await migrate(database.url);
      rates.push(await load(bench, database, { folder, rowsFile, lines }));
      bench.print(`  round ${round + 1}, ${name}: ${Math.round(rates.at(-1)!)} rows/s`);
    }
  }
  const [copy, replay, collect] = sides.map(side => side.rates) as [number[], number[], number[]];
  const share = [undefined, ratios(replay, copy), ratios(collect, copy)];
  return {
    title: 'Catching up',
    method:
      `${lines.toLocaleString('en')} lines in ${sensors} raw files, into an empty silver with all its indexes, against COPY of the same ` +
      'rows in the same order. Time runs from the start of the process to the last row committed. The replay then ' +
      `refreshes the means, which is not counted. ${rounds} round(s), by turns.`,
    columns: [{ title: '' }, { title: 'rows/s' }, { title: 'of COPY', digits: 2 }],
    rows: sides.map(({ name, rates }, index) => [name, spread(rates), share[index] ?? '']),
    figures: { 'replay of COPY': ratios(replay, copy), 'collector of COPY': ratios(collect, copy) },
    rounds: sides.map(({ name, rates }) => ({ name, rates })),
  };
}

/** Rows a second of COPY, alone. */
export async function copyRows(
  bench: Bench,
  database: BenchDatabase,
  { rowsFile, lines }: Pick<Recording, 'rowsFile' | 'lines'>,
) {
  const table = 'silver.sensor_reading (time, sensor_id, value, quality)';
  const command = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-c', `\\copy ${table} FROM '${rowsFile}'`];
  const began = Date.now();
  const program = hasPsql
    ? await bench.programs.start('psql', 'psql', [database.url, ...command])
    : await bench.programs.start('COPY', process.execPath, [bareCopy, database.url, rowsFile]);
  await program.succeed();
  return (lines * 1000) / (Date.now() - began);
}

async function replayLines(bench: Bench, database: BenchDatabase, { folder, lines }: Recording) {
  const began = Date.now();
  const replay = await runSluice(bench, ['replay'], folder, { DATABASE_URL: database.url });
  const done = await Promise.race([database.untilLines(lines), replay.failed()]);
  await replay.succeed();
  return (lines * 1000) / (done - began);
}

async function collectLines(bench: Bench, database: BenchDatabase, { folder, lines }: Recording) {
  await using broker = await Broker.start(bench);
  const began = Date.now();
  const collector = await startCollector(bench, {
    folder,
    brokerUrl: broker.url,
    databaseUrl: database.url,
  });
  const done = await Promise.race([database.untilLines(lines), collector.failed()]);
  await collector.stop();
  return (lines * 1000) / (done - began);
}
