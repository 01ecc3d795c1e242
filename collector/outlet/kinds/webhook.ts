import { z } from 'zod';
import { type Consumer, headersOption, kind, secretOption, urlOption } from '../kind.ts';
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
    headers: headersOption,
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
  async open(options, { name, deadLetters, log, signal }): Promise<Consumer> {
    const timeoutMs = options.timeout_s * 1000;
    /** @returns how many were refused. */
    const deliver = async (messages: readonly Message[]): Promise<number> => {
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
      }).catch((error: Error) => {
        if (error.name !== 'TimeoutError') throw error;
        throw new Error(`no answer within ${options.timeout_s} s`, { cause: error });
      });
      await answer.body?.cancel();
      if (answer.ok) return 0;
      if (!REFUSED.has(answer.status)) throw new Error(`the receiver answered ${answer.status}`);
      if (messages.length > 1) {
        const half = messages.length >> 1;
        const refused = await deliver(messages.slice(0, half));
        return refused + (await deliver(messages.slice(half)));
      }
      await deadLetters.add(messages[0]!, `the receiver answered ${answer.status}`);
      log.warn(
        { outlet: name, id: messages[0]!.id, status: answer.status, file: deadLetters.file },
        'a receiver has refused a message; it is kept as a dead letter',
      );
      return 1;
    };
    return {
      async send(messages) {
        let refused = 0;
        for (let at = 0; at < messages.length; at += options.batch) {
          refused += await deliver(messages.slice(at, at + options.batch));
        }
        return refused;
      },
      close: () => undefined,
    };
  },
});
