/** 2^32 divided by the golden ratio: keeps a hash of zero from staying zero. */
const GOLDEN = 0x9e3779b9;

/**
 * A pseudo-random number that is addressed rather than drawn in turn: it depends on the seed and the coordinates alone.
 * So no sensor, and no fault, moves the numbers of another, and any moment of a run can be asked for by itself.
 *
 * @param seed a whole number of 32 bits.
 * @param coordinates whole numbers, none negative, each exact in a double.
 * @returns 0 ≤ u < 1, in steps of 2^-32.
 */
export function random(seed: number, ...coordinates: number[]): number {
  let hash = mix(seed + GOLDEN);
  for (const coordinate of coordinates) {
    hash = mix((hash + GOLDEN) ^ coordinate);
    hash = mix((hash + GOLDEN) ^ Math.floor(coordinate / 2 ** 32));
  }
  return hash / 2 ** 32;
}

/** Every bit of the result hangs on every bit of `x`. The constants are those of Chris Wellons' lowbias32. */
function mix(x: number): number {
  let hash = x | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return (hash ^ (hash >>> 16)) >>> 0;
}
