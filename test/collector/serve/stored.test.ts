import { expect, test } from 'vitest';
import { withDatabase } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { readyOf } from '../../harness/pipeline.ts';
import { collecting, post, readingAt } from './collecting.ts';

const lines = '1649941817 Voltage 1.34\n1649941818 Current 12.0\n';

test('POST /data and then GET /data at once: what was posted is there', () =>
  withDatabase(async database => {
    await using running = await collecting({ DATABASE_URL: database.url, BATCH_MS: '1000' });
    await eventually(async () =>
      expect((await readyOf(running.http)).body.database).toEqual({ connected: true }),
    );
    const url = `${running.http}/data`;
    expect(await post(url, lines, 'text/plain')).toMatchObject({
      code: 200,
      body: { success: true, stored: true },
    });
    const shown = await (await fetch(`${url}?from=2022-04-14&to=2022-04-15`)).json();
    expect(shown).toMatchObject([
      { name: 'Voltage', value: 1.34 },
      { name: 'Current', value: 12 },
      { time: '2022-04-14', name: 'Power' },
    ]);
    // The same again: duplicates are there already; and another value for the same time is a conflict, and in the ledger.
    expect((await post(url, lines, 'text/plain')).body).toEqual({ success: true, stored: true });
    expect((await post(url, '1649941817 Voltage 2', 'text/plain')).body).toEqual({
      success: true,
      stored: true,
    });
    const readings = `${running.http}/api/v1/readings`;
    expect((await post(readings, readingAt(0))).body).not.toHaveProperty('stored');
    expect((await post(`${readings}?wait=stored`, readingAt(1))).body).toMatchObject({
      recorded: 1,
      stored: true,
    });
    expect((await fetch(`${running.http}/api/v1/sensors/Sensor%201/latest`)).status).toBe(200);
  }));

test('the database is away: recorded all the same, and said to be not stored yet', async () => {
  await using running = await collecting();
  expect(await post(`${running.http}/data`, lines, 'text/plain')).toMatchObject({
    code: 200,
    body: { success: true, stored: false },
  });
  expect((await post(`${running.http}/data?wait=recorded`, lines, 'text/plain')).body).toEqual({
    success: true,
  });
  expect((await post(`${running.http}/data?wait=never`, lines, 'text/plain')).code).toBe(400);
  expect(await running.recorded()).toBe(4);
});
