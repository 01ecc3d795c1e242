import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';

/** A mail as a server has it: to whom it goes, and its text as it came. */
interface ReceivedMail {
  to: string[];
  body: string;
}

/** A mail server that keeps what it is sent. */
export interface MailServerOfTest extends AsyncDisposable {
  url: string;
  mails: ReceivedMail[];
  /** What it says to a mail for an address instead of taking it; undefined: it takes it. */
  refusal: (address: string) => string | undefined;
}

/** @param port a free one by default; the same one makes a server of a later time. */
export async function startSmtp(port = 0): Promise<MailServerOfTest> {
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo: ({ address }, _session, done) => {
      const refusal = smtp.refusal(address);
      done(refusal === undefined ? undefined : new Error(refusal));
    },
    onData: (stream, { envelope }, done) => {
      void text(stream).then(body => {
        smtp.mails.push({ to: envelope.rcptTo.map(({ address }) => address), body });
        done();
      });
    },
  });
  server.on('error', () => undefined);
  server.listen(port, '127.0.0.1');
  await once(server.server, 'listening');
  const smtp: MailServerOfTest = {
    url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    mails: [],
    refusal: () => undefined,
    [Symbol.asyncDispose]: () => new Promise<void>(resolve => server.close(resolve)),
  };
  return smtp;
}

/** The parts of a mail that are attachments: name and content. */
export function attachmentsOf(body: string): { name: string; content: Buffer }[] {
  return body.split(/^--.*$/m).flatMap(part => {
    const [head = '', ...rest] = part.replaceAll('\r\n', '\n').trimStart().split('\n\n');
    const name = /filename="?([^"\n]*)"?/.exec(head)?.[1];
    if (name === undefined || !/base64/i.test(head)) return [];
    return [{ name, content: Buffer.from(rest.join(''), 'base64') }];
  });
}
