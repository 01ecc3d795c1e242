import { z } from 'zod';
import { urlOption } from '../../kind.ts';
import { textOf, titleOf } from '../notice.ts';
import { receiverKind } from '../receiver.ts';

const address = z
  .string('must be an address')
  .regex(/^[^\r\n]+@[^\r\n]+$/, 'must be an address such as ops@example.com');
/** How long a mail server may take for an answer. */
const TIMEOUT_MS = 15_000;

/** Mail, for those who have nothing else. The library is loaded only here. */
export const email = receiverKind({
  name: 'email',
  options: {
    server: urlOption('smtp:', 'smtps:').describe(
      'The mail server: smtp://USER:PASSWORD@HOST:587; smtps: for TLS from the start.',
    ),
    from: address.describe('Who it comes from.'),
    to: z
      .union([address.transform(one => [one]), z.array(address).min(1, 'must not be empty')], {
        error: 'must be an address, or a list of them',
      })
      .describe('Who gets it.'),
  },
  async send(notice, { server, from, to }) {
    const { createTransport } = await import('nodemailer');
    const transport = createTransport({
      url: server,
      connectionTimeout: TIMEOUT_MS,
      greetingTimeout: TIMEOUT_MS,
      socketTimeout: TIMEOUT_MS,
    });
    try {
      await transport.sendMail({
        from,
        to: [...to],
        subject: titleOf(notice),
        text: `${textOf(notice)}\n`,
        disableFileAccess: true,
        disableUrlAccess: true,
      });
    } finally {
      transport.close();
    }
  },
});
