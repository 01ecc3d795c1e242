import type { ValueOptions } from './format.ts';

const numeric = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * What is sent as a number: by the map, or a number scaled. What has none stays as it is, for the loader to refuse.
 * @param takesText whether a text that is a number counts as one.
 */
export function convert(sent: unknown, { map, scale, offset }: ValueOptions, takesText = false): unknown {
  if (map !== undefined && sent !== null && typeof sent !== 'object') {
    const key = String(sent);
    if (Object.hasOwn(map, key)) return map[key];
  }
  const value = takesText && typeof sent === 'string' ? (numberIn(sent) ?? sent) : sent;
  if (typeof value !== 'number' || (scale === undefined && offset === undefined)) return value;
  // 15 digits are what a double holds of a decimal number: 0.1 × 213 is 21.3, not 21.3 and a bit.
  return Number((value * (scale ?? 1) + (offset ?? 0)).toPrecision(15));
}

/** The number that a text is, with blanks around it; undefined: none. */
export function numberIn(text: string): number | undefined {
  const trimmed = text.trim();
  return trimmed.length <= 400 && numeric.test(trimmed) ? Number(trimmed) : undefined;
}
