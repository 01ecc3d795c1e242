import { z } from 'zod';
import { urlOption } from '../../kind.ts';
import { sendMail } from '../../mail.ts';
import { textOf, titleOf } from '../notice.ts';
import { receiverKind } from '../receiver.ts';

const address = z
  .string('must be an address')
  .regex(/^[^\r\n]+@[^\r\n]+$/, 'must be an address such as ops@example.com');

/** Mail, for those who have nothing else. */
export const email = receiverKind({
  name: 'email',
  options: {
    server: urlOption('smtp:', 'smtps:')
      .optional()
      .describe(
        'The mail server: smtp://USER:PASSWORD@HOST:587; smtps: for TLS from the start. Default: SMTP_URL.',
      ),
    from: address.optional().describe('Who it comes from. Default: SMTP_FROM.'),
    to: z
      .union([address.transform(one => [one]), z.array(address).min(1, 'must not be empty')], {
        error: 'must be an address, or a list of them',
      })
      .describe('Who gets it.'),
  },
  complete(options, { mail }, report) {
    const { server = mail.server, from = mail.from } = options;
    if (server === undefined) report('server', 'must be there, unless SMTP_URL is set');
    if (from === undefined) report('from', 'must be there, unless SMTP_FROM is set');
    return { ...options, server, from };
  },
  async send(notice, { server, from, to }) {
    const subject = titleOf(notice);
    await sendMail({ server: server!, from: from! }, { to, subject, text: `${textOf(notice)}\n` });
  },
});
