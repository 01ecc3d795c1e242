/** The fields of a cron expression, the last five of six: least and greatest. */
const FIELDS: readonly [least: number, greatest: number][] = [
  [0, 59],
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
];
const DAYS_OF_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Whether a text is a cron expression of 5 fields, or of 6 with seconds first, in numbers, and names a date that comes: not
 * the 31st of February.
 */
export function isCron(text: string): boolean {
  const given = text.trim().split(/ +/);
  if (given.length !== 5 && given.length !== 6) return false;
  const fields = (given.length === 5 ? ['0', ...given] : given).map((field, index) =>
    valuesOf(field, ...FIELDS[index]!),
  );
  if (fields.some(values => values === undefined)) return false;
  const [, , , days, months] = fields as number[][];
  return months!.some(month => days!.some(day => day <= DAYS_OF_MONTH[month - 1]!));
}

/** The numbers that a field means; undefined where it is none. */
function valuesOf(field: string, least: number, greatest: number): number[] | undefined {
  const values = new Set<number>();
  for (const part of field.split(',')) {
    const match = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part);
    if (match === null) return undefined;
    const first = Number(match[1] ?? least);
    const last = Number(match[2] ?? (match[1] === undefined ? greatest : first));
    const step = Number(match[3] ?? 1);
    if (first < least || last > greatest || first > last || step < 1) return undefined;
    for (let value = first; value <= last; value += step) values.add(value);
  }
  return [...values];
}
