import { expect, test } from 'vitest';
import { comparison, type Entry, entryOf, movesOf } from '../../bench/history.ts';
import { ratios, spread } from '../../bench/stats.ts';

const machine = { CPU: 'one', RAM: '1 GiB', Node: 'v24' };

function entry(values: number[], other: Partial<Entry> = {}): Entry {
  return {
    date: '2025-11-12T00:00:00Z',
    commit: 'abc',
    quick: false,
    machine,
    ratios: {
      'throughput: ratio': ratios(
        values,
        values.map(() => 1),
      ),
    },
    ...other,
  };
}

test('only ratios are kept', () => {
  const part = {
    title: '',
    method: '',
    columns: [],
    rows: [],
    rounds: [],
    date: '',
    seconds: 1,
    loadBefore: 0,
    figures: { ratio: ratios([2], [1]), ms: spread([5]) },
  };
  const kept = entryOf({ command: '', quick: true, machine, parts: { throughput: part } }, 'now', 'abc');
  expect(Object.keys(kept.ratios)).toEqual(['throughput: ratio']);
});

test('a ratio has moved where none of its rounds lies among those of the runs before', () => {
  const history = [entry([1.0, 1.1, 1.2]), entry([1.05, 1.15])];
  expect(movesOf(history, entry([1.19, 1.3]))).toEqual([]);
  expect(movesOf(history, entry([1.21, 1.3]))).toEqual([
    expect.objectContaining({
      figure: 'throughput: ratio',
      before: expect.objectContaining({ min: 1, max: 1.2 }),
    }),
  ]);
  expect(movesOf(history, entry([0.8, 0.9]))).toHaveLength(1);
  expect(comparison(history, entry([0.8, 0.9]))).toContain('| throughput: ratio |');
  expect(comparison(history, entry([1.1]))).toBe('Of 1 ratios none moved by more than its noise.');
});

test('runs of another machine or plan are not compared with', () => {
  const history = [entry([1], { quick: true }), entry([1], { machine: { ...machine, CPU: 'another' } })];
  expect(movesOf(history, entry([9]))).toEqual([]);
  expect(comparison(history, entry([9]))).toMatch('no earlier run');
});
