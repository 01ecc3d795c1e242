import { MINUTE } from './silver.ts';

/** A line that comes in. `second` counts from MINUTE. */
export interface Arrival {
  id: string;
  second: number;
  value: number;
  quality: 'valid' | 'out_of_range' | 'unknown_sensor';
  late: boolean;
  kind: 'reading' | 'rejected' | 'duplicate' | 'conflict';
}

interface Judged extends Arrival {
  stuck: boolean;
  jump: boolean;
}

interface Mean {
  mean: number;
  least: number;
  most: number;
  n: number;
}

/** What gold and the flags must be in the end, worked out from all lines at once, without a database. */
interface Model {
  /** A line a reading: sensor, second, flags. */
  flags: string[];
  /** A line a row: table, sensor, second of its start, expected, received and the counts. */
  quality: string[];
  means: Map<string, Mean>;
}

/** Sensor `a` may repeat a value for 20 s; both may change by 0.05 a second. */
const STUCK_S = 20;
const STEP_CENTS = 5;
const DAY = 86_400;
/** Of sensor `a`, in units of 1e-12: 60 s / 7 s. */
const EXPECTED = 8_571_428_571_429n;
const PERIODS = [
  ['1min', 60],
  ['hourly', 3600],
  ['daily', DAY],
] as const;

/** @param end every second before this one is over; of sensor `a`, all minutes from 0 to there are expected. */
export function modelOf(arrivals: readonly Arrival[], end: number): Model {
  const judged = judge(arrivals.filter(({ kind }) => kind === 'reading'));
  return {
    flags: judged.map(({ id, second, stuck, jump }) =>
      [id, second, ...(stuck ? ['stuck'] : []), ...(jump ? ['jump'] : [])].join(' '),
    ),
    quality: qualityOf([...judged, ...arrivals.filter(({ kind }) => kind !== 'reading')], end),
    means: meansOf(judged.filter(({ quality }) => quality === 'valid')),
  };
}

function judge(readings: readonly Arrival[]): Judged[] {
  const sorted = readings.toSorted((one, other) => order(one.id, other.id) || one.second - other.second);
  return sorted.map((reading, index) => {
    const before = sorted.slice(0, index).filter(({ id }) => id === reading.id);
    return { ...reading, stuck: isStuck(reading, before), jump: isJump(reading, before) };
  });
}

/** Goes back through what repeats the value, without a gap, to where the run began. */
function isStuck({ id, second, value }: Arrival, before: readonly Arrival[]): boolean {
  if (id !== 'a') return false;
  let began = second;
  for (const earlier of before.toReversed()) {
    if (earlier.value !== value || began - earlier.second > STUCK_S) break;
    began = earlier.second;
  }
  return second - began > STUCK_S;
}

function isJump({ second, value }: Arrival, before: readonly Arrival[]): boolean {
  const valid = before.findLast(({ quality }) => quality === 'valid');
  if (valid === undefined || second - valid.second > DAY) return false;
  const cents = Math.abs(Math.round(value * 100) - Math.round(valid.value * 100));
  return cents > STEP_CENTS * (second - valid.second);
}

function qualityOf(lines: readonly (Arrival | Judged)[], end: number): string[] {
  const minutes = new Map<string, { expected: bigint | null; lines: (Arrival | Judged)[] }>();
  const minuteOf = (id: string, start: number) => {
    const key = `${id} ${start}`;
    if (!minutes.has(key)) minutes.set(key, { expected: id === 'a' ? EXPECTED : null, lines: [] });
    return minutes.get(key)!;
  };
  for (let start = 0; start < end; start += 60) minuteOf('a', start);
  for (const line of lines) minuteOf(line.id, startOf(line.second, 60)).lines.push(line);
  return PERIODS.flatMap(([table, seconds]) => {
    const rows = new Map<string, { expected: bigint | null; lines: (Arrival | Judged)[] }>();
    for (const [key, minute] of minutes) {
      const [id, start] = key.split(' ') as [string, string];
      const period = `${id} ${startOf(Number(start), seconds)}`;
      const row = rows.get(period) ?? { expected: null, lines: [] };
      if (minute.expected !== null) row.expected = (row.expected ?? 0n) + minute.expected;
      row.lines.push(...minute.lines);
      rows.set(period, row);
    }
    return [...rows].map(([key, row]) => ({ table, key, row }));
  })
    .sort((one, other) => order(one.table, other.table) || orderOfKeys(one.key, other.key))
    .map(({ table, key, row }) => [table, key, decimal(row.expected), ...counts(row.lines)].join(' '));
}

/** received, valid, out_of_range, unknown, rejected, duplicates, conflicts, late, stuck, jumps; a duplicate counts twice. */
function counts(lines: readonly (Arrival | Judged)[]): number[] {
  const count = (is: (line: Arrival & Partial<Judged>) => boolean) => lines.filter(is).length;
  const stored = ['valid', 'out_of_range', 'unknown_sensor'].map(quality =>
    count(line => line.kind === 'reading' && line.quality === quality),
  );
  const others = [
    count(({ kind }) => kind === 'rejected'),
    2 * count(({ kind }) => kind === 'duplicate'),
    count(({ kind }) => kind === 'conflict'),
  ];
  const flags = [
    count(line => line.kind === 'reading' && line.late),
    count(line => line.stuck === true),
    count(line => line.jump === true),
  ];
  return [[...stored, ...others].reduce((sum, n) => sum + n, 0), ...stored, ...others, ...flags];
}

function meansOf(valid: readonly Judged[]): Map<string, Mean> {
  const means = new Map<string, Mean>();
  for (const [table, seconds] of PERIODS) {
    const groups = Map.groupBy(valid, ({ id, second }) => `${id} ${table} ${startOf(second, seconds)}`);
    for (const [key, readings] of groups) {
      const values = readings.map(({ value }) => value);
      const sum = values.reduce((sum, value) => sum + value, 0);
      means.set(key, {
        mean: sum / values.length,
        least: Math.min(...values),
        most: Math.max(...values),
        n: values.length,
      });
    }
  }
  return means;
}

/** Where the period that a second lies in begins; both count from MINUTE. */
function startOf(second: number, seconds: number): number {
  const origin = MINUTE / 1000;
  return Math.floor((second + origin) / seconds) * seconds - origin;
}

/** Units of 1e-12 as PostgreSQL prints them. */
function decimal(units: bigint | null): string {
  return units === null ? '-' : `${units / 10n ** 12n}.${String(units % 10n ** 12n).padStart(12, '0')}`;
}

function order(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function orderOfKeys(one: string, other: string): number {
  const [id, start] = one.split(' ') as [string, string];
  const [otherId, otherStart] = other.split(' ') as [string, string];
  return order(id, otherId) || Number(start) - Number(otherStart);
}
