import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { databaseServers } from '../../harness/database.ts';
import { FIRST, loadExample, SECOND } from './example.ts';
import { type Pipeline, reading, withPipeline } from './pipeline.ts';

describe.each(databaseServers())('verify on $name', server => {
  /** Each damage, what verify says of it, and how many differences it makes. */
  const damages: {
    damage: string;
    /** SQL, or what is done to the raw files. */
    by: string | ((raw: string) => void);
    count: number;
    /** All differences, or the first of them. */
    first: { file?: string; line?: number; what: RegExp }[];
  }[] = [
    {
      damage: 'a row deleted from silver',
      by: `DELETE FROM silver.sensor_reading WHERE sensor_id = 'Sensor 1' AND time = '2025-11-12 10:16:30.000001Z';
           INSERT INTO sluice.stale_minute VALUES ('2025-11-12 10:16Z', 'Sensor 1')`,
      count: 1,
      first: [
        {
          file: FIRST,
          line: 7,
          what: /reading of Sensor 1 at 2025-11-12 10:16:30.000001\+00 is not in silver.sensor_reading/,
        },
      ],
    },
    {
      damage: 'a row deleted from silver that two lines hold',
      by: `DELETE FROM silver.sensor_reading WHERE sensor_id = 'Sensor 1' AND time = '2025-11-12 10:15:01Z';
           INSERT INTO sluice.stale_minute VALUES ('2025-11-12 10:15Z', 'Sensor 1')`,
      count: 2,
      first: [
        { file: FIRST, line: 1, what: /is not in silver/ },
        { file: FIRST, line: 3, what: /is not in silver/ },
      ],
    },
    {
      damage: 'a value changed in silver',
      by: `UPDATE silver.sensor_reading SET value = 24 WHERE sensor_id = 'Sensor 2';
           INSERT INTO sluice.stale_minute VALUES ('2025-11-12 10:15Z', 'Sensor 2')`,
      count: 2,
      first: [
        {
          file: SECOND,
          line: 1,
          what: /value 1e-07 of Sensor 2 at 2025-11-12 10:15:01\+00 is 24 in silver.sensor_reading/,
        },
        { file: SECOND, what: /bronze.raw_file says .*conflicts 0.*the file has .*conflicts 1/ },
      ],
    },
    {
      damage: 'a value changed in silver by one bit',
      by: `UPDATE silver.sensor_reading SET value = 1.0000000000000001e-7 WHERE sensor_id = 'Sensor 2';
           INSERT INTO sluice.stale_minute VALUES ('2025-11-12 10:15Z', 'Sensor 2')`,
      count: 2,
      first: [{ file: SECOND, line: 1, what: /value 1e-07 of Sensor 2/ }],
    },
    {
      damage: 'a value changed in silver to that of its conflict',
      by: `UPDATE silver.sensor_reading SET value = 99 WHERE sensor_id = 'Sensor 1' AND time = '2025-11-12 10:15:02Z';
           INSERT INTO sluice.stale_minute VALUES ('2025-11-12 10:15Z', 'Sensor 1')`,
      count: 3,
      first: [
        { file: FIRST, line: 2, what: /value 21.5 of Sensor 1 .* is 99/ },
        {
          file: FIRST,
          line: 4,
          what: /value 99 .* is in silver.sensor_reading, and also in silver.conflicting/,
        },
        { file: FIRST, what: /says .*stored 4, duplicates 1, .*; the file has .*stored 3, duplicates 2, / },
      ],
    },
    {
      damage: 'a row without a line, in a known file',
      by: `INSERT INTO silver.sensor_reading VALUES ('2025-11-12 10:15:03Z', 'Sensor 1', 20, 'out_of_range');
           INSERT INTO sluice.stale_minute VALUES ('2025-11-12 10:15Z', 'Sensor 1')`,
      count: 1,
      first: [
        {
          what: /row of Sensor 1 at 2025-11-12 10:15:03\+00 in silver.sensor_reading has no line in a raw file/,
        },
      ],
    },
    {
      damage: 'a row without a line, of an unknown sensor',
      by: `INSERT INTO silver.sensor_reading VALUES ('2025-11-12 10:15:03Z', 'Sensor 9', 20, 'unknown_sensor');
           INSERT INTO sluice.stale_minute VALUES ('2025-11-12 10:15Z', 'Sensor 9')`,
      count: 2,
      first: [
        { what: /row of Sensor 9 at .* has no line in a raw file/ },
        { what: /readings of Sensor 9, and silver.seen_sensor does not know it/ },
      ],
    },
    {
      damage: 'a row without a line, on another day',
      by: `INSERT INTO silver.sensor_reading VALUES ('2025-11-14 23:59:59.999999Z', 'Sensor 1', 20, 'out_of_range');
           INSERT INTO sluice.stale_minute VALUES ('2025-11-14 23:59Z', 'Sensor 1')`,
      count: 1,
      first: [{ what: /row of Sensor 1 at 2025-11-14 23:59:59.999999\+00 .* has no line in a raw file/ }],
    },
    {
      damage: 'a mean changed',
      by: `UPDATE gold.reading_1min_mean SET val_mean = val_mean + 0.5 WHERE sensor_id = 'Sensor 1' AND bucket = '2025-11-12 10:15Z'`,
      // The hour is no longer that of its minutes.
      count: 2,
      first: [
        {
          what: /mean of Sensor 1 at 2025-11-12 10:15:00\+00 in gold.reading_1min_mean is 21.25 \(n 2\), recomputed from silver 20.75 \(n 2\)/,
        },
        {
          what: /gold.hourly_mean of Sensor 1 at 2025-11-12 10:00:00\+00: val_mean 23.83.* is 24.16.* by gold.reading_1min_mean/,
        },
      ],
    },
    {
      damage: 'a least value changed',
      by: `UPDATE gold.reading_1min_mean SET val_min = val_min - 1 WHERE sensor_id = 'Sensor 2'`,
      count: 2,
      first: [
        { what: /mean of Sensor 2 at 2025-11-12 10:15:00\+00/ },
        { what: /gold.hourly_mean of Sensor 2 .*: val_min 1e-07 is -0.9999999 by/ },
      ],
    },
    {
      damage: 'a count changed',
      by: `UPDATE gold.reading_1min_mean SET n = 3 WHERE sensor_id = 'Sensor 2'`,
      count: 2,
      first: [
        { what: /mean of Sensor 2 .*\(n 3\), recomputed from silver .*\(n 1\)/ },
        { what: /gold.hourly_mean of Sensor 2 .*: n 1 is 3 by/ },
      ],
    },
    {
      damage: 'a mean deleted',
      by: `DELETE FROM gold.reading_1min_mean WHERE bucket = '2025-11-13 00:00Z'`,
      count: 2,
      first: [
        { what: /mean of Sensor 1 at 2025-11-13 .* is missing \(n 0\), recomputed from silver 25/ },
        { what: /gold.hourly_mean of Sensor 1 at 2025-11-13 .*: val_mean 25 is none, .* n 1 is none by/ },
      ],
    },
    {
      damage: 'a mean made up, on a day of the files',
      by: `INSERT INTO gold.reading_1min_mean VALUES ('2025-11-12 11:00Z', 'Sensor 1', 1, 1, 1, 1)`,
      count: 2,
      first: [
        { what: /mean of Sensor 1 at 2025-11-12 11:00:00\+00 .* is 1 \(n 1\), recomputed from silver none/ },
        { what: /gold.hourly_mean of Sensor 1 at 2025-11-12 11:00:00\+00: val_mean missing is 1, / },
      ],
    },
    {
      damage: 'a mean made up, of a sensor and a day without files',
      by: `INSERT INTO gold.reading_1min_mean VALUES ('2025-11-20 11:00Z', 'Sensor 9', 1, 1, 1, 1)`,
      count: 2,
      first: [
        { what: /mean of Sensor 9 at 2025-11-20 11:00:00\+00 .* recomputed from silver none/ },
        { what: /gold.hourly_mean of Sensor 9 at 2025-11-20 11:00:00\+00/ },
      ],
    },
    {
      damage: 'an hour changed by one bit',
      by: `UPDATE gold.hourly_mean SET val_mean = val_mean * 1.0000000000000002 WHERE sensor_id = 'Sensor 2'`,
      count: 2,
      first: [
        {
          what: /gold.hourly_mean of Sensor 2 .*: val_mean 1.000000000000000\de-07 is 1e-07 by gold.reading_1min/,
        },
        {
          what: /gold.daily_mean of Sensor 2 at 2025-11-12 00:00:00\+00: val_mean 1e-07 is 1.000000000000000\de-07 by/,
        },
      ],
    },
    {
      damage: 'a day made up',
      by: `INSERT INTO gold.daily_mean VALUES ('2025-11-20', 'Sensor 9', 1, 1, 1, 1)`,
      count: 1,
      first: [
        {
          what: /gold.daily_mean of Sensor 9 at 2025-11-20 00:00:00\+00: val_mean 1 is none, .*by gold.hourly_mean/,
        },
      ],
    },
    {
      damage: 'the quality of a minute changed',
      by: `UPDATE gold.data_quality_1min SET late = late + 1 WHERE bucket = '2025-11-12 10:15Z' AND sensor_id = 'Sensor 1'`,
      count: 2,
      first: [
        { what: /gold.data_quality_1min of Sensor 1 at 2025-11-12 10:15:00\+00: late 1 is 0$/ },
        {
          what: /gold.data_quality_hourly of Sensor 1 at 2025-11-12 10:00:00\+00: late 0 is 1 by gold.data_quality_1min/,
        },
      ],
    },
    {
      damage: 'a minute that received more than its lines',
      by: `UPDATE gold.data_quality_1min SET received = received + 1 WHERE sensor_id = 'Sensor 2' AND received > 0`,
      count: 2,
      first: [
        { what: /gold.data_quality_1min of Sensor 2 at .*: received 2 is 1$/ },
        { what: /hourly of Sensor 2/ },
      ],
    },
    {
      damage: 'the quality of a minute deleted',
      by: `DELETE FROM gold.data_quality_1min WHERE bucket = '2025-11-12 10:15Z' AND sensor_id = 'Sensor 1'`,
      count: 2,
      first: [
        {
          what: /gold.data_quality_1min of Sensor 1 at 2025-11-12 10:15:00\+00: received missing is 4, valid missing is 2/,
        },
        { what: /gold.data_quality_hourly of Sensor 1/ },
      ],
    },
    {
      damage: 'a duplicate forgotten',
      by: `DELETE FROM silver.duplicate_minute WHERE bucket = '2025-11-12 10:15Z' AND sensor_id = 'Sensor 1'`,
      count: 1,
      first: [
        {
          what: /gold.data_quality_1min of Sensor 1 at 2025-11-12 10:15:00\+00: received 4 is 3, duplicates 1 is 0/,
        },
      ],
    },
    {
      damage: 'the quality of a day changed',
      by: `UPDATE gold.data_quality_daily SET expected = coalesce(expected, 0) + 1 WHERE bucket = '2025-11-13Z' AND sensor_id = 'Sensor 1'`,
      count: 1,
      first: [
        {
          what: /gold.data_quality_daily of Sensor 1 at 2025-11-13 00:00:00\+00: expected .* by gold.data_quality_hourly/,
        },
      ],
    },
    {
      damage: 'the counter of lines changed',
      by: `UPDATE bronze.raw_file SET lines = lines + 1, empty = empty + 1 WHERE path = '${SECOND}'`,
      count: 1,
      first: [{ file: SECOND, what: /bronze.raw_file says lines 2.*; the file has lines 1/ }],
    },
    {
      damage: 'counters changed whose sum is right',
      by: `UPDATE bronze.raw_file SET stored = stored - 1, duplicates = duplicates + 1 WHERE path = '${FIRST}'`,
      count: 1,
      first: [
        { file: FIRST, what: /says .*stored 3, duplicates 2, .*; the file has .*stored 4, duplicates 1, / },
      ],
    },
    {
      damage: 'the counter of rejected lines changed',
      by: `UPDATE bronze.raw_file SET lines = lines - 1, rejected = rejected - 1 WHERE path = '${FIRST}'`,
      count: 1,
      first: [
        {
          file: FIRST,
          what: /says lines 6, understood 6, rejected 0.*the file has lines 7, understood 6, rejected 1/,
        },
      ],
    },
    {
      damage: 'the offset moved beyond the end of the file',
      by: `UPDATE bronze.raw_file SET bytes = bytes + 5 WHERE path = '${SECOND}'`,
      count: 1,
      first: [{ file: SECOND, what: /byte/ }],
    },
    {
      damage: 'a conflict deleted',
      by: `DELETE FROM silver.conflicting_reading;
           INSERT INTO sluice.stale_minute VALUES ('2025-11-12 10:15Z', 'Sensor 1')`,
      count: 1,
      first: [
        {
          file: FIRST,
          line: 4,
          what: /value 99 of Sensor 1 at 2025-11-12 10:15:02\+00 is 21.5 in silver.sensor_reading, and not in silver.conflicting_reading/,
        },
      ],
    },
    {
      damage: 'a rejected line deleted',
      by: 'DELETE FROM silver.rejected_line',
      count: 1,
      first: [
        { file: FIRST, line: 5, what: /cannot be stored \(not JSON\) and is not in silver.rejected_line/ },
      ],
    },
    {
      damage: 'an entry of the ledger deleted',
      by: `DELETE FROM bronze.raw_file WHERE path = '${SECOND}'`,
      count: 1,
      first: [{ what: /row of Sensor 2 at 2025-11-12 10:15:01\+00 .* has no line/ }],
    },
    {
      damage: 'a raw file deleted',
      by: raw => rmSync(join(raw, SECOND)),
      count: 2,
      first: [
        { file: SECOND, what: /the file is gone; bronze.raw_file counts 1 lines in it/ },
        { what: /row of Sensor 2 at 2025-11-12 10:15:01\+00 .* has no line/ },
      ],
    },
    {
      damage: 'a raw file cut in the middle of a line',
      by: raw => writeFileSync(join(raw, SECOND), readFileSync(join(raw, SECOND)).subarray(0, 30)),
      count: 2,
      first: [
        { file: SECOND, what: /says lines 1.*; the file has lines 0/ },
        { what: /row of Sensor 2 .* has no line/ },
      ],
    },
    {
      damage: 'the value in a line altered',
      by: raw => alter(join(raw, FIRST), 6, '"value":30', '"value":31'),
      count: 2,
      first: [
        { file: FIRST, line: 7, what: /value 31 of Sensor 1 at 2025-11-12 10:16:30.000001\+00 is 30 in/ },
        { file: FIRST, what: /conflicts 1.*the file has .*conflicts 2/ },
      ],
    },
    {
      damage: 'the time in a line altered',
      by: raw => alter(join(raw, FIRST), 6, '10:16:30.000001', '10:16:30.000002'),
      count: 2,
      first: [
        { file: FIRST, line: 7, what: /Sensor 1 at 2025-11-12 10:16:30.000002\+00 is not in silver/ },
        { what: /row of Sensor 1 at 2025-11-12 10:16:30.000001\+00 .* has no line/ },
      ],
    },
    {
      damage: 'a line made unreadable',
      by: raw => alter(join(raw, SECOND), 0, '{', '['),
      // It is the first line, too, by which the file is known.
      count: 4,
      first: [{ file: SECOND, line: 1, what: /cannot be stored \(not JSON\) and is not in/ }],
    },
    {
      damage: 'a line taken out of the middle',
      by: raw => alter(join(raw, FIRST), 1, /.*\n/, ''),
      // What is kept of its conflict and of the rejected line names the places where they were.
      count: 5,
      first: [
        { file: FIRST, line: 3, what: /value 99 of Sensor 1 .* is 21.5 in/ },
        { file: FIRST, line: 4, what: /cannot be stored/ },
        { file: FIRST, what: /keeps a line at byte/ },
        { file: FIRST, what: /keeps a line at byte/ },
        { file: FIRST, what: /says lines 7.*; the file has lines 6/ },
      ],
    },
  ];

  test.each(damages)('finds $damage', async ({ by, count, first }) => {
    await withPipeline(async pipeline => {
      await loadExample(pipeline);
      if (typeof by === 'string') await damage(pipeline, by);
      else by(pipeline.raw);
      const { ok, differences } = await pipeline.verify();
      expect(ok).toBe(false);
      for (const [index, { what, ...place }] of first.entries()) {
        const { what: said, kind: _, ...found } = differences.first[index]!;
        expect(found).toEqual(place);
        expect(said).toMatch(what);
      }
      expect(differences.count).toBe(count);
    }, server);
  });

  test('counts all differences, and lists the first ten of a file', async () => {
    await withPipeline(async pipeline => {
      for (let second = 10; second < 40; second++) {
        pipeline.record(reading('Sensor 1', `2025-11-12T10:15:${second}Z`, second));
      }
      await pipeline.load();
      await pipeline.database.query('DELETE FROM silver.sensor_reading');
      const { differences } = await pipeline.verify();
      expect(differences.count).toBe(30);
      expect(differences.first.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    }, server);
  });
});

/** Runs statements one by one, as each may be of another table. */
async function damage(pipeline: Pipeline, sql: string): Promise<void> {
  for (const statement of sql.split(/;\n/)) {
    const rows = await pipeline.database.query(`${statement} RETURNING 1`);
    expect(rows.length, statement).toBeGreaterThan(0);
  }
}

/** Replaces text in a line of a file, counted from 0; the text must be there. */
function alter(path: string, line: number, from: string | RegExp, to: string): void {
  const lines = readFileSync(path, 'utf8').split(/(?<=\n)/);
  const altered = lines[line]!.replace(from, to);
  expect(altered).not.toBe(lines[line]);
  lines[line] = altered;
  writeFileSync(path, lines.join(''));
}
