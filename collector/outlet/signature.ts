import { createHash, createHmac } from 'node:crypto';

/**
 * The headers of Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 of `ID.TIMESTAMP.BODY`.
 * @param ids of what is sent: the same for the same things, however often they are sent.
 * @param secret the key, or `whsec_` and the key in base64; undefined: nothing is signed.
 */
export function signatureOf(
  ids: readonly string[],
  body: string,
  secret: string | undefined,
): Record<string, string> {
  const hash = createHash('sha256');
  for (const id of ids) hash.update(id).update('\n');
  const id = `msg_${hash.digest('hex').slice(0, 32)}`;
  const timestamp = String(Math.floor(Date.now() / 1000));
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp };
  if (secret === undefined) return headers;
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : secret;
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { ...headers, 'webhook-signature': `v1,${signature}` };
}
