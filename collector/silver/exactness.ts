const number = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Longer spellings of a number are not followed digit by digit. */
const MOST_DIGITS = 400;

/**
 * Whether a payload says a number that a double cannot hold, where `value` is what came of it: a whole number beyond 2^53
 * that lies between two doubles, or one so small that it became 0. The digits behind the point are rounded as ever: those of
 * most decimal fractions are more than a double has.
 */
export function isInexact(value: number, payload: Buffer): boolean {
  if (value === 0 ? !mayBeTiny(payload) : Number.isSafeInteger(value) || !Number.isInteger(value))
    return false;
  for (const [spelt] of payload.toString('latin1').matchAll(number)) {
    if (Number(spelt) === value && !isHeld(spelt, value)) return true;
  }
  return false;
}

/** The digits of a number, without zeros at either end. */
function significant(spelt: string): string {
  return spelt
    .replace(/[eE].*$/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+|0+$/g, '');
}

/** Only a negative exponent, or hundreds of zeros, make 0 of something else. */
function mayBeTiny(payload: Buffer): boolean {
  return payload.length > MOST_DIGITS || payload.includes('e-') || payload.includes('E-');
}

/** Whether a number as it is spelt is just this double, which is whole, or the shortest spelling of it. */
function isHeld(spelt: string, value: number): boolean {
  if (significant(spelt) === significant(String(value))) return true;
  const [, digits = '', fraction = '', exponent = '0'] = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(
    spelt,
  )!;
  const mantissa = `${digits}${fraction}`.replace(/^0+/, '');
  if (mantissa === '') return value === 0;
  const shift = Number(exponent) - fraction.length;
  if (value === 0 || mantissa.length > MOST_DIGITS || Math.abs(shift) > MOST_DIGITS) return false;
  const whole = BigInt(Math.abs(value));
  return shift >= 0
    ? BigInt(mantissa) * 10n ** BigInt(shift) === whole
    : BigInt(mantissa) === whole * 10n ** BigInt(-shift);
}
