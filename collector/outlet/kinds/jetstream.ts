import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { type Consumer, kind, urlOption } from '../kind.ts';
import { jsonOf } from '../message.ts';

/** How long a connection may take. */
const CONNECT_MS = 10_000;
const SUBJECT = 'must be a subject without wildcards, such as sluice.readings';

/**
 * A JetStream stream: a message each, with its id as the message id, so that the stream drops what is sent again within its
 * duplicate window (two minutes, unless it says otherwise).
 */
export const jetstream = kind({
  name: 'jetstream',
  window: 3,
  options: {
    url: urlOption('nats:', 'tls:').describe('Where NATS is: nats://USER:PASSWORD@HOST:4222; tls: for TLS.'),
    credentials_file: z
      .string('must be the path of a file')
      .min(1, 'must not be empty')
      .optional()
      .describe('File with the credentials (.creds).'),
    subject: z
      .string(SUBJECT)
      .regex(/^[^\s.*>]+(?:\.[^\s.*>]+)*$/, SUBJECT)
      .default('sluice.readings')
      .describe(
        'First tokens of the subjects: the sensor’s id follows as the last one. A stream must capture them.',
      ),
  },
  async open({ url, credentials_file: credentials, subject }, { name }): Promise<Consumer> {
    const [{ connect, credsAuthenticator }, { jetstream: streamsOf }] = await Promise.all([
      import('@nats-io/transport-node'),
      import('@nats-io/jetstream'),
    ]);
    const { host, username, password, protocol } = new URL(url);
    const connection = await connect({
      servers: host,
      name: `sluice outlet ${name}`,
      timeout: CONNECT_MS,
      // Who loses the connection connects anew, and sends again what nobody has confirmed.
      reconnect: false,
      ...(protocol === 'tls:' ? { tls: {} } : {}),
      ...(username === '' ? {} : { user: decodeURIComponent(username), pass: decodeURIComponent(password) }),
      ...(credentials === undefined
        ? {}
        : { authenticator: credsAuthenticator(await readFile(credentials)) }),
    });
    const streams = streamsOf(connection);
    const lost = connection.closed().then(error => {
      throw error ?? new Error('the connection to NATS was closed');
    });
    lost.catch(() => undefined);
    return {
      async send(messages) {
        const stored = messages.map(async message => {
          const to = `${subject}.${subjectToken(message.sensorId)}`;
          try {
            await streams.publish(to, jsonOf(message), { msgID: message.id });
          } catch (error) {
            throw (error as Error).name === 'JetStreamNotEnabled'
              ? new NotCapturedError(to, subject, error)
              : error;
          }
        });
        await Promise.race([Promise.all(stored), lost]);
        return 0;
      },
      close: () => void connection.close().catch(() => undefined),
    };
  },
});

/** Nobody has answered: no stream captures the subject, or the server has no JetStream; it does not say which. */
class NotCapturedError extends Error {
  constructor(to: string, subject: string, cause: unknown) {
    super(
      `no JetStream stream captures the subject ${to}: add ${subject}.> to the subjects of a stream, or set subject to what one captures; JetStream itself must be on in the server`,
      { cause },
    );
    this.name = 'NotCapturedError';
  }
}

/** A sensor's id as one token of a subject: what has a meaning there, and `%`, is percent-encoded. */
export function subjectToken(sensorId: string): string {
  return sensorId.replaceAll(/[\s.*>%\0]/g, encodeCharacter);
}

/** `encodeURIComponent` leaves the dot and the star. */
function encodeCharacter(character: string): string {
  if (character === '.') return '%2E';
  return character === '*' ? '%2A' : encodeURIComponent(character);
}
