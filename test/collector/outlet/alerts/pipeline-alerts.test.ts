import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Alerts } from '../../../../collector/outlet/alerts/alerts.ts';
import { readAlerts } from '../../../../collector/outlet/alerts/alerts-file.ts';
import type { PipelineView } from '../../../../collector/outlet/alerts/pipeline-rules.ts';
import { sluice } from '../../../commands/verify/pipeline.ts';
import { eventually } from '../../../harness/eventually.ts';
import { silent } from '../../../harness/pipeline.ts';
import { temporaryFolder } from '../../../harness/server.ts';
import { collecting } from '../../serve/collecting.ts';
import { hookServer } from './hooks.ts';

const well: Omit<PipelineView, 'freeShare'> = {
  reasons: [],
  reasonNames: ['broker_away', 'database_away'],
  failure: undefined,
  loadingLagSeconds: 0,
  fsyncSeconds: 0.01,
};

test('what is wrong with the pipeline is told without a database; a restart neither repeats nor forgets', async () => {
  await using hook = await hookServer();
  await using folder = await temporaryFolder();
  const receivers = [{ name: 'hook', kind: 'webhook', url: hook.url }];
  const rules = [
    { name: 'degraded', when: 'degraded', for: 0, keep: 0 },
    { name: 'lag', when: 'lag', seconds: 30, for: 0, keep: 0 },
    { name: 'slow', when: 'fsync', seconds: 1, for: 0, keep: 0 },
    { name: 'disk', when: 'disk', free_percent: 100, for: 0, keep: 0 },
  ];
  const look = async (view: Partial<typeof well>) => {
    const alerts = new Alerts({
      file: readAlerts(JSON.stringify({ receivers, rules })),
      databaseUrl: 'postgresql://nobody@127.0.0.1:1/none',
      dataDir: folder.path,
      collector: 'c',
      loadingLag: () => 0,
      view: () => ({ ...well, ...view }),
      log: silent,
    });
    await alerts.look();
    await alerts.stop();
    return hook.bodies
      .splice(0)
      .flatMap(({ alerts }) =>
        alerts.map((alert: Record<string, string>) => `${alert.rule} ${alert.state} ${alert.subject}`),
      );
  };
  const reasons = [{ name: 'database_away', message: 'the database is away: gone' }];
  // No disk is free to its last byte.
  expect((await look({ reasons, loadingLagSeconds: 31, fsyncSeconds: 2 })).sort()).toEqual([
    'degraded firing database_away',
    'disk firing disk',
    'lag firing loading',
    'slow firing fsync',
  ]);
  expect(await look({ reasons, loadingLagSeconds: 31, fsyncSeconds: 2 })).toEqual([]);
  // Hysteresis: half of the limit.
  expect(await look({ reasons, loadingLagSeconds: 16 })).toEqual(['slow resolved fsync']);
  expect((await look({})).sort()).toEqual(['degraded resolved database_away', 'lag resolved loading']);
});

test('a collector tells that its broker is away; the API shows it, and sluice alerts test reaches the receiver', async () => {
  await using hook = await hookServer();
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'alerts.yaml');
  const receivers = [{ name: 'hook', kind: 'webhook', url: hook.url }];
  await writeFile(
    file,
    JSON.stringify({
      receivers,
      rules: [{ name: 'degraded', when: 'degraded', for: 0, reasons: ['broker_away'] }],
    }),
  );
  await using running = await collecting({ ALERTS_FILE: file });
  await eventually(() =>
    expect(hook.bodies).toMatchObject([{ alerts: [{ subject: 'broker_away', state: 'firing' }] }]),
  );
  expect(await (await fetch(`${running.http}/api/v1/alerts`)).json()).toMatchObject({
    complete: false,
    alerts: [{ state: 'firing', rule: 'degraded', subject: 'broker_away', resolved_at: null }],
  });
  expect(await sluice(['alerts', 'test', 'hook'], { ALERTS_FILE: file })).toMatchObject({
    code: 0,
    stdout: 'hook has taken it.\n',
  });
  expect(hook.bodies.at(-1)).toMatchObject({ rule: 'test' });
  expect(await sluice(['alerts', 'test', 'fax'], { ALERTS_FILE: file })).toMatchObject({ code: 2 });
});
