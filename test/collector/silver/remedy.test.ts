import { expect, test } from 'vitest';
import { remedyOf } from '../../../collector/silver/remedy.ts';

const withCode = (code: unknown) => Object.assign(new Error('refused'), { code });

test.each(['22003', '22P05', '22021', '23514', '23502', '54000', 'P0001'])('%s blames a row', code => {
  expect(remedyOf(withCode(code))).toBe('bisect');
});

test.each(['XX000', 'XX001', '0A000', '21000'])('%s may blame a row: nobody knows', code => {
  expect(remedyOf(withCode(code))).toBe('suspect');
});

test.each([
  '08006',
  '40001',
  '40P01',
  '53100',
  '53200',
  '53300',
  '55P03',
  '57014',
  '57P01',
  '57P03',
  '42501',
  '42P01',
  '25006',
  'ECONNRESET',
  '22',
  22003,
  undefined,
])('%s blames no row', code => {
  expect(remedyOf(withCode(code))).toBe('retry');
});
