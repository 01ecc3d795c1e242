import fc from 'fast-check';
import { expect, test } from 'vitest';
import { random } from '../../generator/random.ts';

const seed = fc.integer({ min: 0, max: 4_294_967_295 });
const coordinate = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

test('a number depends on the seed and the coordinates alone, and is at least 0 and less than 1', () => {
  fc.assert(
    fc.property(seed, fc.array(coordinate, { maxLength: 4 }), (seed, coordinates) => {
      const u = random(seed, ...coordinates);
      expect(u).toBeGreaterThanOrEqual(0);
      expect(u).toBeLessThan(1);
      expect(random(seed, ...coordinates)).toBe(u);
    }),
  );
});

test('seeds mean the same in every version: what was generated can be generated again', () => {
  const numbers = [random(1), random(1, 1), random(1, 1, 5, 1_762_942_501_000), random(4_294_967_295, 0, 0)];
  expect(numbers.map(u => u * 2 ** 32)).toMatchInlineSnapshot(`
    [
      2672842292,
      1858035022,
      3912653744,
      3190635023,
    ]
  `);
});

test('neighbouring coordinates, seeds and high halves share nothing', () => {
  fc.assert(
    fc.property(seed, fc.integer({ min: 0, max: 2 ** 40 }), (seed, at) => {
      const all = [
        random(seed, 1, at),
        random(seed, 1, at + 1),
        random(seed, 1, at + 2 ** 32),
        random(seed, 2, at),
        random(seed + 1, 1, at),
        random(seed, at, 1),
      ];
      // Two of six numbers of 32 bits are equal once in 300 million cases; `at` may be 1.
      expect(new Set(all).size).toBeGreaterThanOrEqual(at === 1 ? 5 : 6);
    }),
  );
});

test('the numbers fill 0 to 1 evenly, and a number says nothing about the next', () => {
  const cells = new Array<number>(100).fill(0);
  for (let at = 0; at < 100_000; at++) {
    const cell = Math.floor(random(7, at) * 10) * 10 + Math.floor(random(7, at + 1) * 10);
    cells[cell] = cells[cell]! + 1;
  }
  // 1,000 are expected in each cell, with a standard deviation of 32.
  for (const count of cells) expect(Math.abs(count - 1000)).toBeLessThan(160);
});
