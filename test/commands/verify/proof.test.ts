import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RawFileName } from '../../../collector/bronze/raw-file-name.ts';
import { type Pipeline, reading, withPipeline } from './pipeline.ts';

type Counts = Record<'lines' | 'stored' | 'duplicates' | 'conflicts' | 'rejected' | 'pending', number>;

interface Line {
  file: string;
  /** Where files are by hour. */
  hourFile: string;
  text: string;
  /** Sensor and time; undefined for a line that cannot be stored. */
  key: string | undefined;
  value: number;
}

const DAY = Date.UTC(2025, 10, 12);

const line: fc.Arbitrary<Line> = fc
  .record({
    id: fc.constantFrom('Sensor 1', 'sensor 1', 'a\\tb', 'Σ/%_'),
    // Few instants around a midnight, so that keys meet; some of them a microsecond apart.
    second: fc.integer({ min: -6, max: 6 }),
    micros: fc.constantFrom('', '.999999'),
    value: fc.constantFrom(0, 21, 45.000000000000007, -1e-7),
    flaw: fc.constantFrom(...Array(20).fill(''), 'value', 'infinite', 'JSON', 'empty', 'bytes'),
  })
  .map(({ id, second, micros, value, flaw }) => {
    const ms = DAY + second * 1000;
    const dt = `${new Date(ms).toISOString().slice(0, 19)}${micros}Z`;
    const file = RawFileName.ofReading(id, ms * 1000).key;
    const hourFile = RawFileName.ofHour('sluice', ms * 1000).key;
    const whole = reading(id, dt, value);
    const texts: Record<string, string> = {
      '': whole,
      value: reading(id, dt, String(value)),
      infinite: whole.replace(/[^:]*$/, '1e999}'),
      JSON: whole.slice(0, -1),
      empty: '',
      bytes: `${whole}\0!`,
    };
    return { file, hourFile, text: texts[flaw]!, key: flaw === '' ? `${id} ${dt}` : undefined, value };
  });

/** The counts that lines deserve, worked out without a database. */
class Model {
  readonly files = new Map<string, Counts>();
  readonly rows = new Map<string, number>();

  load(lines: Line[]): void {
    for (const { file, key, value } of lines) {
      const counts = this.#countsOf(file);
      counts.lines++;
      const there = key === undefined ? undefined : this.rows.get(key);
      if (key === undefined) counts.rejected++;
      else if (there === undefined) {
        counts.stored++;
        this.rows.set(key, value);
      } else if (there === value) counts.duplicates++;
      else counts.conflicts++;
    }
  }

  wait(lines: Line[]): void {
    for (const { file } of lines) this.#countsOf(file).pending++;
  }

  #countsOf(file: string): Counts {
    const none = { lines: 0, stored: 0, duplicates: 0, conflicts: 0, rejected: 0, pending: 0 };
    const counts = this.files.get(file) ?? none;
    this.files.set(file, counts);
    return counts;
  }
}

const record = (pipeline: Pipeline, lines: Line[]) => {
  for (const { file, text } of lines) pipeline.write(file, `${text}\n`);
};

test('whatever lines come in whatever batches, verify finds nothing and counts as a model does', async () => {
  const loads = fc.array(
    fc.record({
      lines: fc.array(line, { minLength: 10, maxLength: 80, size: 'max' }),
      batchBytes: fc.integer({ min: 1, max: 3000 }),
    }),
    { minLength: 1, maxLength: 4 },
  );
  const last = fc.array(line, { maxLength: 10, size: 'max' });
  const seen = { duplicates: 0, conflicts: 0, rejected: 0, pending: 0 };
  await fc.assert(
    fc.asyncProperty(loads, last, fc.boolean(), fc.boolean(), async (loads, last, refresh, hourly) => {
      for (const line of [...loads.flatMap(({ lines }) => lines), ...last])
        if (hourly) line.file = line.hourFile;
      await withPipeline(async pipeline => {
        const model = new Model();
        for (const { lines, batchBytes } of loads) {
          record(pipeline, lines);
          model.load(lines);
          await pipeline.load(batchBytes);
        }
        if (refresh) await pipeline.refresh();
        record(pipeline, last);
        model.wait(last);
        const { differences, files, staleMinutes, total } = await pipeline.verify();
        expect(differences).toEqual({ count: 0, first: [] });
        expect(Object.fromEntries(files.map(({ file, ...counts }) => [file, counts]))).toMatchObject(
          Object.fromEntries(model.files),
        );
        expect(files).toHaveLength(model.files.size);
        const [silver] = await pipeline.database.query('SELECT count(*)::int FROM silver.sensor_reading');
        expect(silver.count).toBe(model.rows.size);
        expect(staleMinutes > 0).toBe(!refresh && model.rows.size > 0);
        for (const kind of Object.keys(seen) as (keyof typeof seen)[]) seen[kind] += total[kind];
      });
    }),
    // A counterexample that is small in time is worth more than the smallest one.
    { numRuns: 8, interruptAfterTimeLimit: 25_000 },
  );
  // Else the lines were too tame to prove anything.
  for (const [kind, count] of Object.entries(seen)) expect(count, kind).toBeGreaterThan(0);
});

test('beside loads and refreshes that go on, verify finds nothing', async () => {
  await withPipeline(async pipeline => {
    let loading = true;
    const load = async () => {
      for (let round = 0; round < 24; round++) {
        for (let second = 10; second < 60; second++) {
          const minute = 10 + (round % 20);
          const dt = `2025-11-12T10:${minute}:${second}Z`;
          // In the last rounds every key is there: duplicates, and a conflict now and then.
          pipeline.record(
            reading('Sensor 1', dt, second % 7 === 0 ? round : second),
            reading('Sensor 2', dt, second),
          );
        }
        pipeline.write('2025-11-12_Sensor_1.jsonl', 'torn\n');
        await pipeline.load(2000);
        if (round % 3 === 0) await pipeline.refresh();
      }
      loading = false;
    };
    const partial: number[] = [];
    const verify = async () => {
      while (loading) {
        const report = await pipeline.verify();
        expect(report.differences).toEqual({ count: 0, first: [] });
        partial.push(report.total.lines);
      }
    };
    await Promise.all([load(), verify()]);
    // Else the two did not run beside each other.
    expect(new Set(partial).size).toBeGreaterThan(3);
    expect(await pipeline.verify()).toMatchObject({
      ok: true,
      total: { lines: 2424, stored: 2000, rejected: 24, pending: 0 },
    });
  });
});

test('the memory of verify does not grow with the file', async () => {
  await withPipeline(async pipeline => {
    // A small heap, so that garbage which is not yet collected does not count as memory that is needed.
    const node = [
      '--max-old-space-size=48',
      '--max-semi-space-size=4',
      '--import',
      `data:text/javascript,${PEAK}`,
    ];
    const peakMegabytes = async (lines: number) => {
      const { code, stdout, stderr } = await pipeline.sluice(['verify', '--json'], node);
      expect(code, stdout + stderr).toBe(0);
      expect(JSON.parse(stdout).total).toMatchObject({ lines, stored: lines });
      return Number(/peak (\d+)/.exec(stderr)![1]) / 1024;
    };
    pipeline.record(reading('Sensor 1', '2025-11-11T00:00:00Z', 20));
    await pipeline.load();
    const small = await peakMegabytes(1);
    await store(pipeline, 200_000);
    const large = await peakMegabytes(200_001);
    expect(large - small).toBeLessThan(60);
  });
});

/** Tells the most memory that a process has had, in KiB. */
const PEAK = "process.on('exit',()=>console.error('peak '+process.resourceUsage().maxRSS))";

/** A long file and its rows, by a statement: loading it is not what is measured. */
async function store(pipeline: Pipeline, count: number): Promise<void> {
  const file = '2025-11-12_Sensor_2.jsonl';
  const base = reading('Sensor 2', '2025-11-12T', 20);
  const [head, tail] = base.split('2025-11-12T') as [string, string];
  let text = '';
  for (let n = 0; n < count; n++) text += `${head}${new Date(DAY + n * 200).toISOString()}${tail}\n`;
  writeFileSync(join(pipeline.raw, file), text);
  await pipeline.database.query(
    `INSERT INTO silver.sensor_reading
     SELECT '2025-11-12Z'::timestamptz + n * INTERVAL '200 ms', 'Sensor 2', 20, 'valid' FROM generate_series(0, $1::int - 1) n`,
    [count],
  );
  await pipeline.database.query("INSERT INTO silver.seen_sensor VALUES ('Sensor 2')");
  await pipeline.database.query(
    'INSERT INTO bronze.raw_file (collector, path, bytes, lines, understood, readings, stored) VALUES ($1, $2, $3, $4, $4, $4, $4)',
    [pipeline.collector, file, text.length, count],
  );
  await pipeline.database.query(
    `INSERT INTO sluice.stale_minute SELECT DISTINCT date_trunc('minute', time), sensor_id FROM silver.sensor_reading`,
  );
}
