import { expect, test } from 'vitest';
import { Turn } from '../../../commands/verify/changed.ts';
import { verifyChanged } from '../../../commands/verify/verify.ts';
import { connect } from '../../../db/connect.ts';
import { FIRST, loadExample, OTHER_DAY, SECOND } from './example.ts';
import { type Pipeline, reading, withPipeline } from './pipeline.ts';

/* What the collector verifies each night: what has changed, and what was not looked at for longest. */

async function turn(pipeline: Pipeline, minutes = 10) {
  const client = await connect(pipeline.database.url, 'test', () => undefined);
  const { dataDir, collector, topics } = pipeline;
  try {
    const options = { dataDir, collector, topics, lateMinutes: 5, turn: new Turn(minutes) };
    const { changed, files, differences } = await verifyChanged(client, options);
    return {
      ...changed,
      files: files.map(({ file }) => file),
      kinds: [...new Set(differences.first.map(({ kind }) => kind))],
    };
  } finally {
    await client.end();
  }
}

test('what has changed is looked at first, then what was not for longest', async () => {
  await withPipeline(async pipeline => {
    await loadExample(pipeline);
    const all = [FIRST, SECOND, OTHER_DAY];
    expect(await turn(pipeline)).toEqual({ changed: 3, again: 0, waiting: 0, files: all, kinds: [] });
    await pipeline.database.query(
      `UPDATE bronze.raw_file SET verified_at = verified_at - CASE path WHEN $1 THEN 2 WHEN $2 THEN 1 ELSE 0 END * INTERVAL '1 day'`,
      [OTHER_DAY, FIRST],
    );
    pipeline.record(reading('Sensor 2', '2025-11-12T10:17:00Z', 22));
    await pipeline.load();
    await pipeline.refresh();
    expect(await turn(pipeline)).toEqual({
      changed: 1,
      again: 2,
      waiting: 0,
      files: [SECOND, OTHER_DAY, FIRST],
      kinds: [],
    });
  });
});

test('when the time is over nothing further is begun, and the next time begins with what waits', async () => {
  await withPipeline(async pipeline => {
    await loadExample(pipeline);
    expect(await turn(pipeline, 0)).toMatchObject({ changed: 0, again: 0, waiting: 3, files: [] });
    expect(await turn(pipeline)).toMatchObject({ changed: 3, waiting: 0 });
    expect(await turn(pipeline, 0)).toMatchObject({ changed: 0, again: 0, waiting: 0 });
  });
});

test('what is amiss is told each time, until it is not any more', async () => {
  await withPipeline(async pipeline => {
    await loadExample(pipeline);
    await turn(pipeline);
    await pipeline.database.query(`DELETE FROM silver.sensor_reading WHERE sensor_id = 'Sensor 2'`);
    pipeline.record(reading('Sensor 2', '2025-11-12T10:17:00Z', 22));
    await pipeline.load();
    for (let night = 0; night < 2; night++)
      expect(await turn(pipeline)).toMatchObject({ changed: 1, kinds: ['missing_reading', 'gold'] });
    await pipeline.replay();
    await pipeline.refresh();
    expect(await turn(pipeline)).toMatchObject({ changed: 1, kinds: [] });
    expect(await turn(pipeline)).toMatchObject({ changed: 0, again: 3, kinds: [] });
  });
});

test('a row that no line explains is found where each sensor and day has one file', async () => {
  await withPipeline(async pipeline => {
    await loadExample(pipeline);
    await pipeline.database.query(
      `INSERT INTO silver.sensor_reading VALUES ('2025-11-12 10:15:03Z', 'Sensor 1', 20, 'out_of_range')`,
    );
    expect((await turn(pipeline)).kinds).toContain('unexplained_reading');
    // The other half of what the second file of a sensor and day explains may not be looked at.
    pipeline.write(
      `2025-11-12_Sensor_1~${'a'.repeat(64)}.jsonl`,
      `${reading('Sensor 1', '2025-11-12T10:15:03Z', 20)}\n`,
    );
    await pipeline.load();
    expect((await turn(pipeline)).kinds).not.toContain('unexplained_reading');
  });
});

test('the command line says what it looked at, notes it, and refuses what does not go with it', async () => {
  await withPipeline(async pipeline => {
    await loadExample(pipeline);
    const said = await pipeline.sluice(['verify', '--changed', '--minutes', '5']);
    expect(said).toMatchObject({ code: 0, stderr: '' });
    expect(said.stdout).toContain(
      '3 were loaded since they were last looked at, 0 were looked at again; 0 wait',
    );
    expect(await pipeline.database.query('SELECT bytes = verified_bytes AS ok FROM bronze.raw_file')).toEqual(
      [1, 2, 3].map(() => ({ ok: true })),
    );
    const wrong = await pipeline.sluice(['verify', '--changed', '--date', '2025-11-12']);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('goes with no --date') });
    expect(await pipeline.sluice(['verify', '--minutes', '5'])).toMatchObject({ code: 2 });
  });
});
