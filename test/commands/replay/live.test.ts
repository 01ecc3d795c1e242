import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import { DataFolder } from '../../../collector/bronze/data-folder.ts';
import { eventually } from '../../harness/eventually.ts';
import { type Pipeline, reading, withPipeline } from '../verify/pipeline.ts';
import { collect } from './collecting.ts';

/** Second `n` of a day. */
const at = (n: number) => new Date(Date.UTC(2025, 10, 12) + n * 1000).toISOString();

test('beside a collector that loads the same keys, a replay fails in nothing and the end is exact', async () => {
  await withPipeline(async pipeline => {
    // What comes in live in descending order is in a file from elsewhere in ascending order, every tenth with another value.
    const rounds = 12;
    const size = 400;
    const files = Array.from({ length: rounds }, (_, round) => {
      const path = join(pipeline.folder, `foreign-${round}.jsonl`);
      const lines = Array.from({ length: size }, (_, n) => {
        const second = round * size + n;
        return reading('Sensor 1', at(second), n % 10 === 0 ? 11 : 10);
      });
      writeFileSync(path, `${lines.join('\n')}\n`);
      return path;
    });
    await using live = await collect(pipeline);
    const record = async () => {
      for (let round = 0; round < rounds; round++) {
        for (let part = 0; part < 4; part++) {
          const lines = Array.from({ length: size / 4 }, (_, n) => {
            const second = (round + 1) * size - 1 - (part * size) / 4 - n;
            return reading('Sensor 1', at(second), 10);
          });
          await live.record(lines);
        }
      }
    };
    const replay = async () => {
      for (const file of files) await pipeline.replay([file, pipeline.raw], { collecting: true });
    };
    await Promise.all([record(), replay()]);
    await live.drain();
    await pipeline.refresh();
    const { differences, total } = await pipeline.verify();
    expect(differences).toEqual({ count: 0, first: [] });
    expect(total).toMatchObject({
      lines: 2 * rounds * size,
      conflicts: (rounds * size) / 10,
      rejected: 0,
      pending: 0,
    });
    const [silver] = await pipeline.database.query(
      'SELECT count(*)::int, min(time) AS first, max(time) AS last FROM silver.sensor_reading',
    );
    expect(silver).toEqual({
      count: rounds * size,
      first: new Date(at(0)),
      last: new Date(at(rounds * size - 1)),
    });
  });
});

/** Sessions that wait at the gates of the test. */
const waiting = `SELECT application_name AS name FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = $1 ORDER BY 1`;

test('a replay that gets into a deadlock with the collector begins its batch again', async () => {
  await withPipeline(async pipeline => {
    await using live = await collect(pipeline);
    await using gates = await Gates.close(pipeline, [
      { lock: 1, application: 'sluice loader', time: at(1) },
      { lock: 2, application: 'sluice test', time: at(2) },
    ]);
    const names = async (event: string) =>
      (await pipeline.database.query(waiting, [event])).map(({ name }) => name);
    const foreign = join(pipeline.folder, 'foreign.jsonl');
    writeFileSync(foreign, `${reading('Sensor 1', at(1), 10)}\n${reading('Sensor 1', at(2), 10)}\n`);
    await live.record([reading('Sensor 1', at(2), 10), reading('Sensor 1', at(1), 10)]);
    await eventually(async () => expect(await names('advisory')).toEqual(['sluice loader']));
    const replayed = pipeline.replay([foreign], { collecting: true });
    const outcome = replayed.then(
      ({ rows }) => rows[0]?.lines,
      error => error,
    );
    // Each has one of two keys, or waits for the other already; the one that waits first is the one to be ended.
    await eventually(async () =>
      expect((await names('advisory')).length + (await names('transactionid')).length).toBe(2),
    );
    await gates.open(2);
    await eventually(async () => expect(await names('advisory')).toEqual(['sluice loader']));
    await gates.open(1);
    expect(await outcome).toBe(2);
    await live.drain();
    await pipeline.refresh();
    expect(await pipeline.verify()).toMatchObject({ ok: true, total: { lines: 4, conflicts: 0 } });
  });
});

test('what a running collector has not loaded yet of its own files is left to it', async () => {
  await withPipeline(async pipeline => {
    pipeline.record(reading('Sensor 1', at(0), 10));
    await pipeline.load();
    pipeline.record(reading('Sensor 1', at(1), 10), reading('Sensor 2', at(0), 10));
    await pipeline.database.query('TRUNCATE silver.sensor_reading');
    const folder = await DataFolder.lock(pipeline.dataDir, 'sluice');
    const { code, stdout } = await pipeline.sluice(['replay']);
    await folder.unlock();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^2 files +1 +1 +0 +0 +0$/m);
    expect(await pipeline.verify()).toMatchObject({ ok: true, total: { lines: 1, pending: 2 } });
    await pipeline.load();
    await pipeline.refresh();
    expect(await pipeline.verify()).toMatchObject({ ok: true, total: { lines: 3, stored: 3, pending: 0 } });
  });
});

test('a replay that was killed in the middle of a batch is finished by the next one', async () => {
  await withPipeline(async pipeline => {
    // Long lines, so that few of them make a batch: the third batch of four hangs when its transaction is half done.
    const padding = 'x'.repeat(16_000);
    const lines = Array.from({ length: 2000 }, (_, n) => reading('Sensor 1', at(n), n % 40, { padding }));
    const foreign = join(pipeline.folder, 'foreign.jsonl');
    writeFileSync(foreign, `${lines.join('\n')}\n${lines[0]}\n${reading('Sensor 1', at(1), 99)}\n{}\n`);
    const ledger = () =>
      pipeline.database.query('SELECT bytes::int, lines::int, stored::int FROM bronze.raw_file');
    {
      await using _gates = await Gates.close(pipeline, [
        { lock: 1, application: 'sluice replay', time: at(1400) },
      ]);
      const child = spawn(
        process.execPath,
        [join(import.meta.dirname, '../../../sluice.js'), 'replay', foreign],
        {
          env: { PATH: process.env.PATH, ...pipeline.env },
          stdio: 'ignore',
        },
      );
      const closed = once(child, 'close');
      await eventually(async () =>
        expect(await pipeline.database.query(waiting, ['advisory'])).toEqual([{ name: 'sluice replay' }]),
      );
      child.kill('SIGKILL');
      expect((await closed)[1]).toBe('SIGKILL');
    }
    // The server notices only when it has an answer to give.
    await eventually(async () =>
      expect(
        await pipeline.database.query(
          "SELECT FROM pg_stat_activity WHERE application_name = 'sluice replay' AND datname = current_database()",
        ),
      ).toEqual([]),
    );
    const [half] = await ledger();
    expect(half.lines).toBeGreaterThan(0);
    expect(half.lines).toBeLessThan(1400);
    const [silver] = await pipeline.database.query('SELECT count(*)::int FROM silver.sensor_reading');
    expect(silver.count).toBe(half.stored);

    const again = await pipeline.sluice(['replay', foreign]);
    expect(again).toMatchObject({ code: 0, stderr: '' });
    const { ok, files } = await pipeline.verify();
    expect(ok).toBe(true);
    const counts = { lines: 2003, stored: 2000, duplicates: 1, conflicts: 1, rejected: 1 };
    expect(files).toMatchObject([{ file: foreign, ...counts, pending: 0 }]);
    expect(await ledger()).toMatchObject([{ lines: counts.lines, stored: counts.stored }]);
    const [mean] = await pipeline.database.query('SELECT sum(n)::int AS n FROM gold.reading_1min_mean');
    expect(mean.n).toBe(2000);
  });
});

interface Gate {
  /** Number of an advisory lock. */
  lock: number;
  /** Who has to wait before it can insert the reading of this time. */
  application: string;
  time: string;
}

/** Hold sessions up before they insert a reading, until the gate is opened. */
class Gates implements AsyncDisposable {
  readonly #keeper: pg.Client;

  private constructor(keeper: pg.Client) {
    this.#keeper = keeper;
  }

  static async close(pipeline: Pipeline, gates: Gate[]): Promise<Gates> {
    const keeper = new pg.Client(pipeline.database.url);
    await keeper.connect();
    for (const { lock, application, time } of gates) {
      await keeper.query(`SELECT pg_advisory_lock(${lock})`);
      await keeper.query(`
        CREATE FUNCTION gate_${lock}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF current_setting('application_name') = '${application}' AND NEW.time = '${time}' THEN
            PERFORM pg_advisory_lock(${lock});
            PERFORM pg_advisory_unlock(${lock});
          END IF;
          RETURN NEW;
        END $$;
        CREATE TRIGGER gate_${lock} BEFORE INSERT ON silver.sensor_reading FOR EACH ROW EXECUTE FUNCTION gate_${lock}()`);
    }
    return new Gates(keeper);
  }

  async open(lock: number): Promise<void> {
    await this.#keeper.query(`SELECT pg_advisory_unlock(${lock})`);
  }

  /** Opens all. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keeper.end();
  }
}
