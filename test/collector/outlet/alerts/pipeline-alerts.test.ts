import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Reason } from '../../../../base/health.ts';
import { stateOf } from '../../../../collector/outlet/alerts/alert.ts';
import { Alerts } from '../../../../collector/outlet/alerts/alerts.ts';
import { readAlerts } from '../../../../collector/outlet/alerts/alerts-file.ts';
import { FileStore } from '../../../../collector/outlet/alerts/file-store.ts';
import type { PipelineView } from '../../../../collector/outlet/alerts/pipeline-rules.ts';
import { AlertRounds } from '../../../../collector/outlet/alerts/round.ts';
import { sluice } from '../../../commands/verify/pipeline.ts';
import { eventually } from '../../../harness/eventually.ts';
import { silent } from '../../../harness/pipeline.ts';
import { temporaryFolder } from '../../../harness/server.ts';
import { collecting } from '../../serve/collecting.ts';
import { hookServer } from './hooks.ts';

const well: Omit<PipelineView, 'freeShare'> = {
  reasons: [],
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
  const reasons: Reason[] = [{ name: 'database_away', message: 'the database is away: gone' }];
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

test('the time in which the collector was dead counts neither as held nor as over', async () => {
  await using folder = await temporaryFolder();
  const file = readAlerts(
    JSON.stringify({ rules: [{ name: 'lag', when: 'lag', seconds: 30, for: '5min', keep: '5min' }] }),
  );
  const [rule] = file.rules;
  const at = (minute: number) => Date.UTC(2025, 10, 12) + minute * 60_000;
  const observation = { subject: 'loading', group: '', summary: 'it waits' };
  /** A collector that has just started looks at some minutes. @returns the state after the last one. */
  const look = async (isBad: boolean, ...minutes: number[]) => {
    const store = new FileStore(folder.path);
    for (const minute of minutes) {
      const seen = new Map([[rule!, [{ ...observation, bad: isBad, fine: !isBad }]]]);
      await new AlertRounds([], silent).run(store, seen, at(minute));
    }
    return (await new FileStore(folder.path).read()).map(stateOf).at(-1);
  };
  expect(await look(true, 0, 1, 2)).toBe('pending');
  // An hour later: it has held for two minutes.
  expect(await look(true, 60, 61, 62)).toBe('pending');
  expect(await look(true, 63)).toBe('firing');
  expect(await look(false, 64, 65, 66)).toBe('firing');
  expect(await look(false, 120, 121, 122)).toBe('firing');
  expect(await look(false, 123)).toBe('resolved');
});

test('sluice alerts lists what is known without the database: about the pipeline, and that the rest is left out', async () => {
  await using folder = await temporaryFolder();
  const env = { DATA_DIR: folder.path, DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' };
  const nothing = await sluice(['alerts', '--json'], env);
  expect(nothing).toMatchObject({ code: 1, stdout: '[\n\n]\n' });
  expect(nothing.stderr).toMatch(/^Alerts about sensors are left out: .*127\.0\.0\.1:1/);
  const file = readAlerts(JSON.stringify({ rules: [{ name: 'lag', when: 'lag', for: 0 }] }));
  const seen = new Map([
    [
      file.rules[0]!,
      [{ subject: 'loading', group: '', summary: 'it waits 90 s', value: 90, bad: true, fine: false }],
    ],
  ]);
  await new AlertRounds([], silent).run(new FileStore(folder.path), seen, Date.now());
  const { code, stdout } = await sluice(['alerts', '--json'], env);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject([
    { state: 'firing', rule: 'lag', subject: 'loading', value: 90, summary: 'it waits 90 s' },
  ]);
  expect((await sluice(['alerts'], env)).stdout).toContain('it waits 90 s');
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
