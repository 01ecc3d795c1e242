import { expect, test } from 'vitest';
import { bindQuery } from '../../../commands/query/query-file.ts';
import { readShelf } from '../../../commands/query/shelf.ts';
import { random } from '../../../generator/random.ts';
import { withDatabase } from '../../harness/database.ts';

type Point = { x: number; y: number };

/** Largest triangle, three buckets, with loops: what the query says in SQL. */
function lttb(points: Point[], keep: number): Point[] {
  const between = points.length - 2;
  const bucket = (b: number) => points.filter((_, i) => bucketOf(i) === b);
  const bucketOf = (i: number) =>
    i === 0 ? 0 : i > between ? keep - 1 : 1 + Math.floor(((i - 1) * (keep - 2)) / between);
  const chosen = [points[0]!];
  for (let b = 1; b < keep; b++) {
    const from = chosen.at(-1)!;
    const next = bucket(b + 1);
    const mean = (axis: 'x' | 'y') => next.reduce((sum, point) => sum + point[axis], 0) / next.length;
    const area = ({ x, y }: Point) =>
      Math.abs((from.x - mean('x')) * (y - from.y) - (from.x - x) * (mean('y') - from.y));
    chosen.push(bucket(b).reduce((best, point) => (area(point) > area(best) ? point : best)));
  }
  return chosen;
}

test.each([3, 4, 17, 100, 299])(
  'downsample-lttb keeps the %i readings that the algorithm keeps',
  async keep => {
    const start = Date.parse('2025-11-14T00:00:00Z');
    let y = 20;
    const points = Array.from({ length: 300 }, (_, i) => {
      y += random(1, i) - 0.5;
      return { x: i + Math.round(random(2, i) * 900) / 1000, y };
    });
    const query = (await readShelf()).get('downsample-lttb')!.plain;
    const set = { sensor: 'Walk', since: '2025-11-14', until: '2025-11-15', points: String(keep) };
    const { text, values } = bindQuery(query, new Map(Object.entries(set)));
    await withDatabase(async database => {
      await database.query(
        `INSERT INTO silver.sensor_reading (time, sensor_id, value, quality)
       SELECT time, 'Walk', value, 'valid' FROM unnest($1::timestamptz[], $2::float8[]) AS r (time, value)`,
        [points.map(({ x }) => new Date(start + x * 1000)), points.map(point => point.y)],
      );
      await database.query(
        `INSERT INTO silver.sensor_reading (time, sensor_id, value, quality) VALUES ($1, 'Walk', 1e6, 'out_of_range')`,
        [new Date(start + 50_950)],
      );
      const rows = await database.query<{ time: Date; value: number }>(text, values);
      expect(rows.map(({ time, value }) => ({ x: (time.getTime() - start) / 1000, y: value }))).toEqual(
        lttb(points, keep),
      );
    });
  },
);
