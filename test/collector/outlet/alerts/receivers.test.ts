import { expect, test } from 'vitest';
import type { Alert } from '../../../../collector/outlet/alerts/alert.ts';
import { readAlerts } from '../../../../collector/outlet/alerts/alerts-file.ts';
import { noticesOf, textOf, titleOf } from '../../../../collector/outlet/alerts/notice.ts';
import { sendTo } from '../../../../collector/outlet/alerts/round.ts';
import { startAlertmanager, withoutAlertmanager } from '../../../harness/alertmanager.ts';
import { eventually } from '../../../harness/eventually.ts';
import { startSmtp } from '../../../harness/smtp.ts';
import { hookServer } from './hooks.ts';

const since = Date.now() - 600_000;
const alerts: Alert[] = Array.from({ length: 25 }, (_, index) => ({
  rule: 'silent',
  subject: `Sensor ${index + 1}`,
  group: 'Hall 1',
  severity: 'page',
  since,
  firedAt: since + 60_000,
  value: 12,
  summary: `Sensor ${index + 1} has sent nothing for 12 s`,
  told: {},
}));
const over: Alert = { ...alerts[0]!, subject: 'Fan ü', resolvedAt: Date.now() };

/** Tells a receiver of some alerts of one rule and group. */
async function tell(receiver: object, some: readonly Alert[]): Promise<void> {
  const rules = [{ name: 'silent', when: 'silent' }];
  const file = readAlerts(JSON.stringify({ receivers: [{ name: 'it', ...receiver }], rules }));
  const notices = noticesOf(some, 'it');
  expect(notices).toHaveLength(1);
  await sendTo(file.receivers[0]!, notices[0]!);
}

test.skipIf(withoutAlertmanager)(
  'Alertmanager has each alert with its labels, and sees that one is over',
  async () => {
    await using manager = await startAlertmanager();
    const receiver = { kind: 'alertmanager', url: manager.url, labels: { site: 'north' } };
    const active = async () =>
      (await (await fetch(`${manager.url}/api/v2/alerts?active=true`)).json()) as {
        labels: object;
        annotations: object;
      }[];
    await tell(receiver, alerts.slice(0, 2));
    await eventually(async () => expect(await active()).toHaveLength(2));
    expect((await active())[0]).toMatchObject({
      labels: {
        alertname: 'silent',
        site: 'north',
        severity: 'page',
        group: 'Hall 1',
        subject: expect.stringMatching(/^Sensor [12]$/),
      },
      annotations: { summary: expect.stringContaining('has sent nothing'), value: '12' },
      startsAt: new Date(since).toISOString(),
    });
    await manager.stop();
    await expect(tell(receiver, alerts.slice(0, 1))).rejects.toThrow();
    await manager.start();
    await tell(receiver, [alerts[0]!, { ...alerts[1]!, resolvedAt: Date.now() - 1000 }]);
    await eventually(async () =>
      expect((await active()).map(({ labels }) => labels)).toMatchObject([{ subject: 'Sensor 1' }]),
    );
  },
);

test('mail: a title that names some, a text that lists them', async () => {
  await using smtp = await startSmtp();
  const receiver = {
    kind: 'email',
    server: smtp.url,
    from: 'sluice@example.com',
    to: ['a@example.com', 'b@example.com'],
  };
  await tell(receiver, [...alerts, over]);
  expect(smtp.mails).toHaveLength(1);
  expect(smtp.mails[0]!.to).toEqual(['a@example.com', 'b@example.com']);
  expect(smtp.mails[0]!.body.replaceAll('\r\n ', ' ')).toContain(
    'Subject: Firing: silent (Hall 1): Sensor 1, Sensor 2, Sensor 3 and 22 more',
  );
  expect(smtp.mails[0]!.body).toContain('Sensor 20 has sent nothing for 12 s');
  expect(smtp.mails[0]!.body).toContain('and 6 more');
});

test('what fired and was over before the receiver could be told is told as one thing', () => {
  const missed = { ...over, told: { it: 'due' as const, other: 'firing' as const } };
  expect(noticesOf([missed], 'it').map(titleOf)).toEqual(['Fired and resolved: silent (Hall 1): Fan ü']);
  expect(textOf(noticesOf([missed], 'it')[0]!)).toMatch(
    /^fired and resolved, from .*Z to .*Z: Sensor 1 has sent nothing for 12 s$/,
  );
  expect(noticesOf([missed], 'other').map(titleOf)).toEqual(['Resolved: silent (Hall 1): Fan ü']);
});

test.each([
  {
    template: 'json',
    expected: {
      title: 'Resolved: silent (Hall 1): Fan ü',
      alerts: [{ state: 'resolved', subject: 'Fan ü' }],
    },
  },
  {
    template: 'slack',
    expected: { text: expect.stringContaining('*Resolved: silent (Hall 1): Fan ü*\nresolved: Fan ü, from ') },
  },
  { template: 'teams', expected: { type: 'message', attachments: [{ content: { type: 'AdaptiveCard' } }] } },
  {
    template: 'ntfy',
    expected: {
      topic: 'hook',
      title: 'Resolved: silent (Hall 1): Fan ü',
      priority: 3,
      tags: ['white_check_mark'],
    },
  },
])('a webhook in the words of $template', async ({ template, expected }) => {
  await using hook = await hookServer();
  await tell({ kind: 'webhook', url: hook.url, template }, [over]);
  expect(hook.bodies).toMatchObject([expected]);
  expect(hook.paths).toEqual([template === 'ntfy' ? '/' : '/hook']);
});
