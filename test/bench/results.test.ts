import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type MeasuredPart, mergeResults, RESULTS_FILE, readResults } from '../../bench/results.ts';
import { spread } from '../../bench/stats.ts';
import { temporaryFolder } from '../harness/server.ts';

const ORDER = ['throughput', 'latency', 'memory'];

function part(date: string, ratio: number): MeasuredPart {
  return {
    title: 'A part',
    method: 'How it was measured.',
    columns: [],
    rows: [],
    figures: { 'throughput ratio, 5 sensors': spread([ratio]) },
    rounds: [],
    date,
    seconds: 60,
    loadBefore: 0.5,
  };
}

const machine = { CPU: 'abacus, 2 cores', disk: 'fdatasync: 1 ms' };
const latest = { command: 'npm run bench', quick: false, machine };

test('parts that were not measured again stay, with their date, and count for the targets', () => {
  const earlier = mergeResults(
    undefined,
    { ...latest, parts: { memory: part('2026-01-01', 1), throughput: part('2026-01-01', 1.3) } },
    ORDER,
  );
  const { parts, verdicts } = mergeResults(
    earlier,
    {
      ...latest,
      machine: { ...machine, disk: 'fdatasync: 2 ms' },
      parts: { latency: part('2026-01-02', 2) },
    },
    ORDER,
  );
  expect(Object.entries(parts).map(([name, { date }]) => [name, date])).toEqual([
    ['throughput', '2026-01-01'],
    ['latency', '2026-01-02'],
    ['memory', '2026-01-01'],
  ]);
  expect(verdicts).toMatchObject([{ figure: 'throughput ratio, 5 sensors', met: true }]);
  const again = { ...latest, parts: { throughput: part('2026-01-03', 1) } };
  expect(mergeResults(earlier, again, ORDER).verdicts).toMatchObject([{ met: false }]);
});

test.each([
  ['a quick run', { quick: true }],
  ['another machine', { machine: { ...machine, CPU: 'slide rule' } }],
])('parts of %s are left out', (_, other) => {
  const earlier = mergeResults(
    undefined,
    { ...latest, ...other, parts: { memory: part('2026-01-01', 1) } },
    ORDER,
  );
  const merged = mergeResults(earlier, { ...latest, parts: { latency: part('2026-01-02', 2) } }, ORDER);
  expect(Object.keys(merged.parts)).toEqual(['latency']);
});

test('results are read from a folder, if there are any', async () => {
  await using folder = await temporaryFolder();
  expect(await readResults(folder.path)).toBeUndefined();
  const results = mergeResults(undefined, { ...latest, parts: { memory: part('2026-01-01', 1) } }, ORDER);
  await writeFile(join(folder.path, RESULTS_FILE), JSON.stringify(results));
  expect(await readResults(folder.path)).toEqual(results);
});
