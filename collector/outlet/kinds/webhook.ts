import { z } from 'zod';
import { DeadLetters } from '../dead-letters.ts';
import { type Consumer, kind, secretOption, urlOption } from '../kind.ts';
import { jsonOf, type Message } from '../message.ts';
import { signatureOf } from '../signature.ts';

/** Answers that blame what was sent: sent again it would be refused again. Everything else may pass. */
const REFUSED = new Set([400, 413, 415, 422]);

/**
 * An address that takes messages by POST, in batches: `{"messages": […]}`. Signed as Standard Webhooks says
 * (https://www.standardwebhooks.com): HMAC-SHA256 of `ID.TIMESTAMP.BODY`. What the receiver refuses is narrowed down to the
 * message that is to blame, which goes to a file of dead letters; whatever else goes wrong is tried again.
 */
export const webhook = kind({
  name: 'webhook',
  options: {
    url: urlOption('http:', 'https:').describe('Where to POST.'),
    secret: secretOption('must be a text of at least 16 characters, {env: NAME} or {file: PATH}')
      .refine(text => text.length >= 16, 'must have at least 16 characters')
      .optional()
      .describe('Key of the signature; after `whsec_` in base64. Without it nothing is signed.'),
    headers: z
      .record(
        z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, 'must be the name of a header'),
        secretOption('must be a text'),
      )
      .default({})
      .describe('Further headers, such as Authorization.'),
    batch: z
      .int('must be a whole number')
      .min(1, 'must be at least 1')
      .max(10_000, 'must be at most 10000')
      .default(500)
      .describe('Messages of a request at most.'),
    timeout_s: z
      .number('must be a number of seconds')
      .positive('must be more than 0')
      .max(300, 'must be at most 300')
      .default(15)
      .describe('How long an answer may take.'),
  },
  async open(options, { name, dataDir, log, signal }): Promise<Consumer> {
    const dead = new DeadLetters(dataDir, name);
    const timeoutMs = options.timeout_s * 1000;
    const deliver = async (messages: readonly Message[]): Promise<void> => {
      const body = `{"messages":[${messages.map(jsonOf).join(',')}]}`;
      const answer = await fetch(options.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...options.headers,
          ...signatureOf(
            messages.map(({ id }) => id),
            body,
            options.secret,
          ),
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      await answer.body?.cancel();
      if (answer.ok) return;
      if (!REFUSED.has(answer.status)) throw new Error(`the receiver answered ${answer.status}`);
      if (messages.length > 1) {
        const half = messages.length >> 1;
        await deliver(messages.slice(0, half));
        await deliver(messages.slice(half));
        return;
      }
      await dead.add(messages[0]!, `the receiver answered ${answer.status}`);
      log.warn(
        { outlet: name, id: messages[0]!.id, status: answer.status, file: dead.file },
        'a receiver has refused a message; it is kept as a dead letter',
      );
    };
    return {
      async send(messages) {
        for (let at = 0; at < messages.length; at += options.batch) {
          await deliver(messages.slice(at, at + options.batch));
        }
      },
      close: () => undefined,
    };
  },
});
