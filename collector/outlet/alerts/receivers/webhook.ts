import { z } from 'zod';
import { headersOption, secretOption, urlOption } from '../../kind.ts';
import { signatureOf } from '../../signature.ts';
import { alertView, stateOf } from '../alert.ts';
import { alertsOf, type Notice, textOf, titleOf } from '../notice.ts';
import { postJson, receiverKind } from '../receiver.ts';

/** What is sent, by template. @param url the receiver's. */
const templates: Record<string, (notice: Notice, url: string) => { url: string; body: object }> = {
  json: (notice, url) => ({
    url,
    body: {
      title: titleOf(notice),
      rule: notice.rule,
      group: notice.group,
      severity: notice.severity,
      alerts: alertsOf(notice).map(alertView),
    },
  }),
  slack: (notice, url) => ({ url, body: { text: `*${titleOf(notice)}*\n${textOf(notice)}` } }),
  teams: (notice, url) => ({
    url,
    body: {
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          content: {
            type: 'AdaptiveCard',
            version: '1.4',
            body: [
              { type: 'TextBlock', text: titleOf(notice), weight: 'Bolder', wrap: true },
              ...textOf(notice)
                .split('\n')
                .map(text => ({ type: 'TextBlock', text, wrap: true, spacing: 'Small' })),
            ],
          },
        },
      ],
    },
  }),
  // JSON goes to the server's root, with the topic in it: a title in a header could not hold every character.
  ntfy: (notice, url) => {
    const { origin, pathname } = new URL(url);
    const isFiring = notice.firing.length > 0;
    const body = {
      topic: pathname.slice(1),
      title: titleOf(notice),
      message: textOf(notice),
      priority: isFiring && notice.severity === 'page' ? 5 : 3,
      tags: [isFiring ? 'warning' : 'white_check_mark'],
    };
    return { url: origin, body };
  },
};

/** An address that takes a POST: JSON of ours, or in the words of Slack, Teams or ntfy. */
export const webhook = receiverKind({
  name: 'webhook',
  options: {
    url: urlOption('http:', 'https:').describe('Where to POST.'),
    template: z
      .enum(Object.keys(templates), { error: `must be one of ${Object.keys(templates).join(', ')}` })
      .default('json'),
    headers: headersOption,
    secret: secretOption('must be a text, {env: NAME} or {file: PATH}')
      .optional()
      .describe('Key of a signature as Standard Webhooks have it.'),
  },
  async send(notice, { url, template, headers, secret }, signal) {
    const request = templates[template]!(notice, url);
    const body = JSON.stringify(request.body);
    const ids = alertsOf(notice).map(
      alert => `${alert.rule} ${alert.subject} ${alert.since} ${stateOf(alert)}`,
    );
    await postJson(request.url, body, signal, { ...headers, ...signatureOf(ids, body, secret) });
  },
});
