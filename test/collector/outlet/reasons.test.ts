import { expect, test } from 'vitest';
import { errorText } from '../../../base/errors.ts';
import { readAlerts } from '../../../collector/outlet/alerts/alerts-file.ts';
import { noticesOf } from '../../../collector/outlet/alerts/notice.ts';
import { sendTo } from '../../../collector/outlet/alerts/round.ts';
import { DeadLetters } from '../../../collector/outlet/dead-letters.ts';
import { kinds } from '../../../collector/outlet/kinds.ts';
import { readOutlets } from '../../../collector/outlet/outlets-file.ts';
import { silent } from '../../harness/pipeline.ts';
import { freePort } from '../../harness/server.ts';

const reading = {
  id: 'x:1',
  sensorId: 's',
  time: '2025-11-12T10:15:01Z',
  fields: { value: 1, quality: 'valid' },
};

/** Opens an outlet and sends a message by it. @returns why that failed. */
async function failureOf(entry: object): Promise<string> {
  const around = { broker: 'mqtt://elsewhere', subscribed: [] };
  const [outlet] = readOutlets(JSON.stringify({ outlets: [{ name: 'o', ...entry }] }), around);
  const { signal } = new AbortController();
  const context = { name: 'o', deadLetters: new DeadLetters('/nowhere', 'o'), log: silent, signal };
  const kind = kinds.find(({ name }) => name === outlet!.kind)!;
  try {
    const consumer = await kind.open(outlet as never, context);
    await consumer.send([reading]);
    return 'nothing failed';
  } catch (error) {
    return errorText(error);
  }
}

test.each([
  { kind: 'redis-stream', scheme: 'redis' },
  { kind: 'redis-list', scheme: 'redis' },
  { kind: 'jetstream', scheme: 'nats' },
  { kind: 'mqtt', scheme: 'mqtt', prefix: 'clean' },
  { kind: 'webhook', scheme: 'http' },
])('$kind: a server that is not there is named', async ({ scheme, ...entry }) => {
  const port = await freePort();
  for (const host of ['127.0.0.1', 'localhost'])
    expect(await failureOf({ ...entry, url: `${scheme}://${host}:${port}` })).toMatch(
      new RegExp(`ECONNREFUSED .*:${port}`),
    );
});

test.each([
  { kind: 'alertmanager', scheme: 'http' },
  { kind: 'webhook', scheme: 'http' },
  { kind: 'email', scheme: 'smtp', from: 'a@example.com', to: 'b@example.com' },
])('a receiver of kind $kind that is not there is named', async ({ scheme, ...entry }) => {
  const port = await freePort();
  for (const host of ['127.0.0.1', 'localhost']) {
    const where = { [entry.kind === 'email' ? 'server' : 'url']: `${scheme}://${host}:${port}` };
    const { receivers } = readAlerts(
      JSON.stringify({
        receivers: [{ name: 'it', ...entry, ...where }],
        rules: [{ name: 'a', when: 'lag' }],
      }),
    );
    const alert = {
      rule: 'a',
      subject: 's',
      group: '',
      severity: 'page',
      since: 0,
      firedAt: 1,
      summary: 'x',
      told: {},
    };
    const failure = await sendTo(receivers[0]!, noticesOf([alert], 'it')[0]!).catch(errorText);
    expect(failure).toMatch(new RegExp(`ECONNREFUSED .*:${port}`));
  }
});
