import { formatTime } from '../../base/time.ts';
import { LEVELS, type Level } from './levels.ts';
import type { Reads } from './reads.ts';
import type { Range } from './times.ts';

/** What one screenful may make the database read: about 100 ms, of all its sensors together. */
const MOST_ROWS = 40_000;
/** More marks than this cannot be told apart. */
const MOST_MARKS = 1000;

/** Of how much time a point is, and what it is made of. */
export interface Resolution {
  source: 'reading' | keyof typeof LEVELS;
  /** Seconds that a point stands for; 0: each is one reading. */
  step: number;
}

const LEVEL_NAMES = Object.keys(LEVELS) as (keyof typeof LEVELS)[];

/**
 * The finest means that give a range no more than `points` points, and cost no more than `rows` rows to read: of minutes,
 * hours or days, several of them together where there would be too many points.
 */
export function meansFor({ from, to }: Range, points: number, rows: number): Resolution {
  const seconds = (to - from) / 1e6;
  const source = LEVEL_NAMES.find(name => seconds / LEVELS[name].seconds <= rows) ?? '1d';
  const finest = LEVELS[source].seconds;
  return { source, step: finest * Math.max(1, Math.ceil(seconds / points / finest)) };
}

/** A sensor's part of a chart, as JSON text of PostgreSQL. */
export interface Series {
  sensor_id: string;
  resolution: Resolution;
  /** [ms, mean, min, max, n] each. */
  points: string;
  marks: string;
}

/** What a sensor's chart shows of a range of time. */
export async function readSeries(
  reads: Reads,
  sensorId: string,
  range: Range,
  points: number,
  sensors: number,
): Promise<Series> {
  const rows = Math.floor(MOST_ROWS / sensors);
  const means = meansFor(range, points, rows);
  // Where means are coarser than this, readings would be many more than points, and to count them would be for nothing.
  const readings = means.step <= 120 ? await countReadings(reads, sensorId, range, rows) : rows;
  const resolution = readings < rows ? readingsFor(range, points, readings) : means;
  const [point, mark] =
    resolution.source === 'reading'
      ? [readingPoints(resolution.step), READING_MARKS]
      : [meanPoints(LEVELS[resolution.source]), meanMarks(LEVELS[resolution.source])];
  const values = [sensorId, formatTime(range.from), formatTime(range.to)];
  const steps = resolution.step > 0 ? [...values, `${resolution.step} s`] : values;
  const [[p], [m]] = await Promise.all([
    reads.query<{ json: string }>('history_points', point, steps),
    reads.query<{ json: string }>('history_marks', mark, resolution.source === 'reading' ? values : steps),
  ]);
  return { sensor_id: sensorId, resolution, points: p!.json, marks: m!.json };
}

function readingsFor({ from, to }: Range, points: number, readings: number): Resolution {
  if (readings <= points) return { source: 'reading', step: 0 };
  return { source: 'reading', step: Math.ceil((to - from) / 1e6 / points) };
}

const OF_RANGE = 'sensor_id = $1 AND time >= $2::timestamptz AND time < $3::timestamptz';

/** How many readings there are; as many as `most` where there are more: then nobody counts further. */
async function countReadings(reads: Reads, id: string, range: Range, most: number): Promise<number> {
  const [row] = await reads.query<{ n: number }>(
    'history_count',
    `SELECT count(*)::int AS n FROM (SELECT FROM silver.sensor_reading WHERE ${OF_RANGE} LIMIT $4) r`,
    [id, formatTime(range.from), formatTime(range.to), most],
  );
  return row!.n;
}

const ms = (time: string) => `(extract(epoch FROM ${time}) * 1000)::float8`;
const binned = (time: string) => `date_bin($4::interval, ${time}, timestamptz '2000-01-01 00:00Z')`;
/** Products of doubles near their limits, which are an error in PostgreSQL, are of no interest to a chart. */
const tame = (value: string) =>
  `CASE WHEN abs(${value}) < 1e-280 THEN 0 ELSE least(greatest(${value}, -1e280), 1e280) END`;

function readingPoints(step: number): string {
  const valid = `FROM silver.sensor_reading WHERE ${OF_RANGE} AND quality = 'valid'`;
  if (step === 0) {
    return `SELECT coalesce(json_agg(json_build_array(${ms('time')}, value, value, value, 1) ORDER BY time), '[]')::text AS json ${valid}`;
  }
  return jsonOf(
    `SELECT ${binned('time')} AS t, avg(${tame('value')}) AS mean, min(value) AS least, max(value) AS greatest, count(*) AS n
     ${valid} GROUP BY t`,
  );
}

function meanPoints({ means }: Level): string {
  return jsonOf(
    `SELECT ${binned('bucket')} AS t, sum(${tame('val_mean')} * n) / sum(n)::float8 AS mean, min(val_min) AS least,
       max(val_max) AS greatest, sum(n) AS n
     FROM ${means} WHERE sensor_id = $1 AND bucket >= $2::timestamptz AND bucket < $3::timestamptz GROUP BY t`,
  );
}

const jsonOf = (rows: string) => `
  SELECT coalesce(json_agg(json_build_array(${ms('t')}, mean, least, greatest, n) ORDER BY t), '[]')::text AS json
  FROM (${rows}) p`;

/** The newest ones, where there are too many. */
const READING_MARKS = `
  SELECT coalesce(json_agg(json_build_array(${ms('time')}, value, 1, quality) ORDER BY time), '[]')::text AS json
  FROM (
    SELECT time, value, quality FROM silver.sensor_reading WHERE ${OF_RANGE} AND quality <> 'valid'
    ORDER BY sensor_reading.time DESC LIMIT ${MOST_MARKS}
  ) r`;

const meanMarks = ({ quality }: Level) => `
  SELECT coalesce(json_agg(json_build_array(${ms('t')}, NULL, n, NULL) ORDER BY t), '[]')::text AS json
  FROM (
    SELECT ${binned('bucket')} AS t, sum(out_of_range + unknown) AS n FROM ${quality}
    WHERE sensor_id = $1 AND bucket >= $2::timestamptz AND bucket < $3::timestamptz AND out_of_range + unknown > 0
    GROUP BY t ORDER BY t DESC LIMIT ${MOST_MARKS}
  ) r`;
