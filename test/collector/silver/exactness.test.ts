import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isInexact } from '../../../collector/silver/exactness.ts';

const inexact = (spelt: string) =>
  isInexact(Number(spelt), Buffer.from(`{"id": "a", "dt": "2025-11-12T10:15:01Z", "value": ${spelt}}`));

test.each([
  '9007199254740993',
  '-9007199254740993',
  '9007199254740993.0',
  '1e-400',
  '-1e-324',
  '123456789012345678',
  '9007199254740992.5',
])('%s is not what a double holds', spelt => {
  expect(inexact(spelt)).toBe(true);
});

test.each([
  '0',
  '-0',
  '0.0',
  '0e-5',
  '0.1',
  '1e-300',
  '5e-324',
  '9007199254740991',
  '9007199254740992',
  '1e22',
  '1e23',
  '1.5e300',
  '25.123456789012345',
])('%s is taken as it is', spelt => {
  expect(inexact(spelt)).toBe(false);
});

test('what a double is in digits is held', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }), whole => {
      const isShortest = String(Number(whole)) === String(whole);
      expect(inexact(String(whole))).toBe(BigInt(Number(whole)) !== whole && !isShortest);
    }),
  );
});
