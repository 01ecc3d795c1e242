import { expect, test } from 'vitest';
import { drawThroughput } from '../../bench/chart.ts';
import { duration, formatSpread, reportText, table } from '../../bench/report.ts';
import type { MeasuredPart, Results } from '../../bench/results.ts';
import { spread } from '../../bench/stats.ts';
import { judge } from '../../bench/targets.ts';

function part(figures: Record<string, number[]>): MeasuredPart {
  return {
    title: 'Throughput and CPU',
    method: 'How it was measured.',
    columns: [{ title: 'sensors' }, { title: 'msg/s' }, { title: 'µs', digits: 1 }],
    rows: [['5', spread([41_900, 43_100, 44_200]), spread([9.25])]],
    figures: Object.fromEntries(Object.entries(figures).map(([name, values]) => [name, spread(values)])),
    rounds: [],
    date: '2026-01-02T03:04:05.000Z',
    seconds: 65,
    loadBefore: 0.5,
  };
}

test('a target is judged by the median, and only where it was measured', () => {
  const verdicts = judge({
    throughput: part({
      'throughput ratio, 5 sensors': [0.9, 1.15, 1.3],
      'throughput ratio, 1000 sensors': [1.19, 1.1, 1.3],
      'CPU ratio, 5 sensors': [0.7],
      'CPU ratio, 1000 sensors': [1.21],
    }),
  });
  expect(verdicts.map(({ figure, met }) => [figure, met])).toEqual([
    ['throughput ratio, 5 sensors', true],
    ['throughput ratio, 1000 sensors', false],
    ['CPU ratio, 5 sensors', true],
    ['CPU ratio, 1000 sensors', false],
  ]);
});

test('numbers show their least and greatest, unless there was one round', () => {
  expect(formatSpread(spread([41_900, 43_100, 44_200]))).toBe('43,100 (41,900–44,200)');
  expect(formatSpread(spread([1.234]), 2)).toBe('1.23');
});

test('the report has the targets, the chart, a table for each part and the machine', () => {
  const parts = { throughput: part({ 'throughput ratio, 5 sensors': [1.1] }) };
  const results: Results = {
    command: 'npm run bench',
    quick: false,
    machine: { CPU: 'abacus, 2 cores' },
    parts,
    verdicts: judge(parts),
  };
  const text = reportText(results, 'throughput.svg');
  expect(text).toContain("| throughput at 5 sensors, of mosquitto_sub's | ≥ 1.15 | 1.10 | **no** |");
  expect(text).toContain('](throughput.svg)');
  expect(text).toContain(
    '## Throughput and CPU\n\nHow it was measured. Measured on 2026-01-02 at 03:04 UTC, in 1 min 5 s, on a machine with a load of 0.50 before.\n\n| sensors | msg/s | µs |',
  );
  expect(text).toContain('| 5 | 43,100 (41,900–44,200) | 9.3 |');
  expect(text).toContain('| CPU | abacus, 2 cores |');
  expect(text).toContain('`npm run bench`; all parts took 1 min 5 s');
  expect(text).not.toContain('quick');
  const quick = reportText({ ...results, quick: true, verdicts: [] }, undefined);
  expect(quick).toContain('A quick run');
  expect(quick).not.toContain('## Targets');
  expect(quick).not.toContain('.svg');
});

test('a table has a rule below its titles', () => {
  expect(table(['a', 'b'], [['1', '2']])).toBe('| a | b |\n| --- | --: |\n| 1 | 2 |');
});

test.each([
  [0.4, '0 s'],
  [59.4, '59 s'],
  [59.6, '1 min 0 s'],
  [3601, '60 min 1 s'],
])('%d s is written as %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test('the chart is an SVG image with a bar for each side and number of sensors', () => {
  const point = (sensors: number, rate: number) => ({
    sensors,
    sluice: { rate, cpu: 10 },
    reference: { rate: rate / 2, cpu: 20 },
  });
  const svg = drawThroughput([point(5, 44_400), point(10_000, 22_200)]);
  expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
  for (const text of ['44400', '22200', '11100', '10,000', 'mosquitto_sub']) expect(svg).toContain(text);
});
