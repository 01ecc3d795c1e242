import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nameCollector } from '../../../collector/bronze/folder-identity.ts';
import { RejectedMessages } from '../../../collector/silver/rejected-messages.ts';
import type { DifferenceKind } from '../../../commands/verify/difference.ts';
import type { VerifyOptions } from '../../../commands/verify/verify.ts';
import { connect } from '../../../db/connect.ts';
import { databaseServers } from '../../harness/database.ts';
import { silent } from '../../harness/pipeline.ts';
import { FIRST, loadExample, OTHER_DAY, SECOND } from './example.ts';
import { Pipeline, reading, withPipeline } from './pipeline.ts';

/*
 * What somebody may do to database and files behind our back: it is noticed, and where the raw files say how it was, a replay
 * brings it back.
 */

/** Each statement of its own, as one may be of another table. */
async function run(pipeline: Pipeline, ...statements: string[]): Promise<void> {
  for (const statement of statements) {
    const rows = await pipeline.database.query(`${statement} RETURNING 1`);
    expect(rows.length, statement).toBeGreaterThan(0);
  }
}

const REJECTED = 'rejected/2025-11-12.jsonl';

/** Rejects messages, has them counted, and changes their file. */
async function reject(pipeline: Pipeline, count: number, change = (lines: string[]) => lines): Promise<void> {
  const path = join(pipeline.dataDir, REJECTED);
  const lines = Array.from(
    { length: count },
    (_, n) => `{"received_at":"2025-11-12T10:15:0${n}Z","topic":"t","reason":"not JSON","payload":"${n}"}\n`,
  );
  await mkdir(dirname(path), { recursive: true });
  writeFileSync(path, lines.join(''));
  const client = await connect(pipeline.database.url, 'test', () => undefined);
  await new RejectedMessages(pipeline.dataDir, pipeline.collector, silent).count(client);
  await client.end();
  writeFileSync(path, change(lines).join(''));
}

const keepAll = { retention: { raw: 0, silver: 0 } };

const manipulations: {
  what: string;
  by: (pipeline: Pipeline) => Promise<void> | void;
  /** The kinds of what is found, each once. */
  kinds: DifferenceKind[];
  options?: Partial<VerifyOptions>;
  heals?: (pipeline: Pipeline) => Promise<unknown>;
}[] = [
  {
    what: 'a quality',
    by: pipeline =>
      run(
        pipeline,
        `UPDATE silver.sensor_reading SET quality = 'valid' WHERE quality = 'out_of_range'`,
        `INSERT INTO sluice.stale_minute VALUES ('2025-11-12 10:16Z', 'Sensor 1')`,
      ),
    kinds: ['quality'],
    heals: async pipeline => {
      expect(await pipeline.sluice(['replay', '--reclassify'])).toMatchObject({ code: 0 });
    },
  },
  {
    what: 'a late mark',
    by: pipeline =>
      run(
        pipeline,
        `UPDATE silver.sensor_reading SET late = true WHERE sensor_id = 'Sensor 2'`,
        `INSERT INTO sluice.stale_minute VALUES ('2025-11-12 10:15Z', 'Sensor 2')`,
      ),
    kinds: ['late'],
    options: { exhaustive: true },
  },
  {
    what: 'the values of a conflict',
    by: pipeline => run(pipeline, 'UPDATE silver.conflicting_reading SET conflicting_value = 98'),
    kinds: ['changed_conflict'],
  },
  {
    what: 'the stored value in a conflict',
    by: pipeline => run(pipeline, 'UPDATE silver.conflicting_reading SET stored_value = stored_value + 1'),
    kinds: ['changed_conflict'],
  },
  {
    what: 'a conflict that no line has',
    by: pipeline =>
      run(
        pipeline,
        `INSERT INTO silver.conflicting_reading (time, sensor_id, stored_value, conflicting_value, collector, path, byte_offset)
           VALUES ('2025-11-12 10:15:01Z', 'Sensor 1', 20, 21, '${pipeline.collector}', '${FIRST}', 7)`,
        `INSERT INTO sluice.stale_minute VALUES ('2025-11-12 10:15Z', 'Sensor 1')`,
      ),
    kinds: ['surplus_conflict'],
  },
  {
    what: 'the text of a rejected line',
    by: pipeline => run(pipeline, `UPDATE silver.rejected_line SET line = 'nothing'`),
    kinds: ['changed_rejection'],
  },
  {
    what: 'the reason of a rejected line',
    by: pipeline => run(pipeline, `UPDATE silver.rejected_line SET reason = 'too large'`),
    kinds: ['changed_rejection'],
    options: { exhaustive: true },
  },
  {
    what: 'a rejected line that no file has',
    by: pipeline =>
      run(
        pipeline,
        `INSERT INTO silver.rejected_line (collector, path, byte_offset, reason, line)
           VALUES ('${pipeline.collector}', '${SECOND}', 5, 'not JSON', 'x')`,
      ),
    kinds: ['surplus_rejection'],
  },
  {
    what: 'a rejected line deleted, with its count',
    by: pipeline =>
      run(
        pipeline,
        'DELETE FROM silver.rejected_line',
        `UPDATE bronze.raw_file SET rejected = 0, empty = empty + 1 WHERE path = '${FIRST}'`,
      ),
    kinds: ['missing_rejection', 'ledger'],
  },
  {
    what: 'a retention mark that the settings do not explain, and values behind it',
    by: pipeline =>
      run(
        pipeline,
        `INSERT INTO sluice.retention (dropped_before) VALUES ('2025-11-13Z')`,
        `UPDATE silver.sensor_reading SET value = 24 WHERE sensor_id = 'Sensor 2'`,
      ),
    kinds: ['missing_conflict', 'ledger', 'retention', 'gold'],
    options: keepAll,
  },
  {
    what: 'a file removed that the nightly run had no reason to remove',
    by: async pipeline => {
      await run(pipeline, `UPDATE bronze.raw_file SET removed_at = now() WHERE path = '${SECOND}'`);
      rmSync(join(pipeline.raw, SECOND));
    },
    kinds: ['removed_file'],
    options: keepAll,
  },
  {
    what: 'rejected messages lost with their file',
    by: async pipeline => {
      await reject(pipeline, 3);
      rmSync(join(pipeline.dataDir, REJECTED));
    },
    kinds: ['rejected_message'],
    options: keepAll,
  },
  {
    what: 'a rejected message cut off',
    by: pipeline => reject(pipeline, 3, lines => lines.slice(0, -1)),
    kinds: ['rejected_message'],
  },
  {
    what: 'a rejected message in the place of another',
    by: pipeline => reject(pipeline, 3, lines => lines.map(line => line.replace('not JSON', 'not UTF8'))),
    kinds: ['rejected_message'],
  },
  {
    what: 'a file called removed that is there',
    by: pipeline => run(pipeline, `UPDATE bronze.raw_file SET removed_at = now() WHERE path = '${SECOND}'`),
    kinds: ['removed_file'],
    options: keepAll,
  },
  {
    what: 'a sensor forgotten',
    by: pipeline => run(pipeline, `DELETE FROM silver.seen_sensor WHERE sensor_id = 'Sensor 2'`),
    kinds: ['seen_sensor'],
  },
  {
    what: 'a sensor made up',
    by: pipeline => run(pipeline, `INSERT INTO silver.seen_sensor VALUES ('Sensor 9')`),
    kinds: ['seen_sensor'],
  },
  {
    what: 'a sensor that is said to be seen for the first time tomorrow',
    by: pipeline =>
      run(
        pipeline,
        `UPDATE silver.seen_sensor SET seen_at = now() + INTERVAL '1 day' WHERE sensor_id = 'Sensor 2'`,
      ),
    kinds: ['seen_sensor'],
  },
  {
    what: 'how many readings were expected, in minute, hour and day alike',
    by: pipeline =>
      run(
        pipeline,
        ...['1min', 'hourly', 'daily'].map(
          period =>
            `UPDATE gold.data_quality_${period} SET expected = expected - 1 WHERE sensor_id = 'Sensor 2' AND bucket < '2025-11-13Z'`,
        ),
      ),
    kinds: ['gold'],
    options: { exhaustive: true },
    heals: async pipeline => {
      expect(await pipeline.sluice(['replay', '--reclassify'])).toMatchObject({ code: 0 });
    },
  },
  {
    what: 'how many readings were expected of a minute',
    by: pipeline =>
      run(
        pipeline,
        `UPDATE gold.data_quality_1min SET expected = 5 WHERE sensor_id = 'Sensor 2' AND received > 0`,
      ),
    kinds: ['gold'],
  },
  {
    what: 'that a value is inexact',
    by: pipeline =>
      run(pipeline, `UPDATE silver.sensor_reading SET inexact = true WHERE sensor_id = 'Sensor 2'`),
    kinds: ['inexact'],
    options: { exhaustive: true },
  },
  {
    what: 'the text of a former topics file',
    by: pipeline => run(pipeline, `UPDATE bronze.topics_file SET text = text || ' '`),
    kinds: ['topics_file'],
  },
  {
    what: 'the hash of a first line',
    by: pipeline =>
      run(pipeline, `UPDATE bronze.raw_file SET first_line_hash = 'abc' WHERE path = '${SECOND}'`),
    kinds: ['replaced_file'],
  },
  {
    what: 'two files of equal counts that change places',
    by: ({ raw }) => {
      renameSync(join(raw, SECOND), join(raw, 'aside'));
      renameSync(join(raw, OTHER_DAY), join(raw, SECOND));
      renameSync(join(raw, 'aside'), join(raw, OTHER_DAY));
    },
    kinds: ['replaced_file', 'ledger'],
  },
  {
    what: 'a reading deleted',
    by: pipeline => run(pipeline, `DELETE FROM silver.sensor_reading WHERE sensor_id = 'Sensor 2'`),
    kinds: ['missing_reading', 'gold'],
    heals: async pipeline => {
      await pipeline.replay();
      await pipeline.refresh();
    },
  },
];

describe.each(databaseServers())('verify on $name', server => {
  test.each(manipulations)('notices $what', async ({ by, kinds, options = {}, heals }) => {
    await withPipeline(async pipeline => {
      await loadExample(pipeline);
      expect((await pipeline.verify({ ...options, ...keepAll, exhaustive: true })).differences).toEqual({
        count: 0,
        first: [],
      });
      await by(pipeline);
      const { ok, differences } = await pipeline.verify(options);
      expect(ok).toBe(false);
      expect([...new Set(differences.first.map(({ kind }) => kind))].sort()).toEqual([...kinds].sort());
      if (heals === undefined) return;
      await heals(pipeline);
      expect((await pipeline.verify(options)).differences).toEqual({ count: 0, first: [] });
    }, server);
  });

  test('rows of a second collector are explained by its folder, and by nothing else', async () => {
    await withPipeline(async pipeline => {
      await loadExample(pipeline);
      const folder = join(pipeline.folder, 'second');
      await mkdir(join(folder, 'data/raw'), { recursive: true });
      const collector = await nameCollector(join(folder, 'data'), 'second');
      await using second = new Pipeline(folder, collector, pipeline.database);
      second.record(
        reading('Sensor 1', '2025-11-12T10:15:40Z', 22),
        reading('Sensor 3', '2025-11-12T10:15:40Z', 22),
        // The same reading reached both.
        reading('Sensor 2', '2025-11-12T10:15:01Z', 1e-7),
      );
      await second.load();
      await pipeline.refresh();

      expect(await pipeline.verify()).toMatchObject({
        ok: false,
        unchecked: [{ collector }],
        differences: { count: 0 },
      });
      expect(await pipeline.verify({ onlyMine: true })).toMatchObject({
        ok: true,
        unchecked: [{ collector }],
      });
      const both = { others: [{ dataDir: second.dataDir, collector }] };
      expect(await pipeline.verify(both)).toMatchObject({
        ok: true,
        unchecked: [],
        total: { files: 6, lines: 12 },
      });

      await run(
        pipeline,
        `UPDATE silver.sensor_reading SET time = time + INTERVAL '1 second' WHERE sensor_id = 'Sensor 3'`,
      );
      const kinds = (await pipeline.verify(both)).differences.first.map(({ kind }) => kind);
      expect(kinds.slice(0, 2)).toEqual(['missing_reading', 'unexplained_reading']);

      const args = ['verify', '--data', second.dataDir, '--json'];
      const said = await pipeline.sluice(args);
      expect(said.code).toBe(1);
      expect(JSON.parse(said.stdout).unchecked).toEqual([]);
      const alone = await pipeline.sluice(['verify', '--only-mine']);
      expect(alone.stdout).toContain(`Not looked at: ${collector}.`);
    }, server);
  });
});
