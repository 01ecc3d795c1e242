import { z } from 'zod';
import { headersOption, urlOption } from '../../kind.ts';
import type { Alert } from '../alert.ts';
import { alertsOf, type Notice } from '../notice.ts';
import { postJson, receiverKind } from '../receiver.ts';

/** Alertmanager (API v2), which routes, groups, silences and mails. What fires is told each minute, or it would count as over. */
export const alertmanager = receiverKind({
  name: 'alertmanager',
  options: {
    url: urlOption('http:', 'https:').describe('Where Alertmanager is: http://localhost:9093.'),
    headers: headersOption,
    labels: z
      .record(z.string().regex(/^[a-zA-Z_]\w*$/, 'must be the name of a label'), z.string('must be a text'), {
        error: 'must be a map of labels, such as {site: north}',
      })
      .default({})
      .describe('Further labels of each alert.'),
  },
  repeats: true,
  async send(notice, { url, headers, labels }, signal) {
    const alerts = alertsOf(notice).map(alert => alertOf(alert, notice, labels));
    await postJson(`${url.replace(/\/$/, '')}/api/v2/alerts`, alerts, signal, headers);
  },
});

function alertOf(alert: Alert, { group }: Notice, labels: Record<string, string>) {
  const { rule, subject, severity, summary, value, since, resolvedAt } = alert;
  return {
    labels: { ...labels, alertname: rule, subject, severity, ...(group === '' ? {} : { group }) },
    annotations: { summary, ...(value === undefined ? {} : { value: String(value) }) },
    startsAt: new Date(since).toISOString(),
    ...(resolvedAt === undefined ? {} : { endsAt: new Date(resolvedAt).toISOString() }),
  };
}
