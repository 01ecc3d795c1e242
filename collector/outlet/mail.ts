import type { SendMailOptions } from 'nodemailer';

/** How long a mail server may take for an answer. */
const TIMEOUT_MS = 15_000;

/** By whom mail goes. */
export interface MailServer {
  /** SMTP_URL: `smtp://USER:PASSWORD@HOST:587`; `smtps:` for TLS from the start. */
  server: string;
  /** SMTP_FROM. */
  from: string;
}

/** A mail, but for its sender. What it says names no files and no addresses to be loaded from. */
export type Mail = Pick<SendMailOptions, 'subject' | 'text' | 'html' | 'attachments'> & {
  to: readonly string[];
};

/**
 * Sends a mail. The library is loaded only here.
 * @returns those whom the server has refused, while it took the mail for others.
 * @throws why the server has not taken it.
 */
export async function sendMail({ server, from }: MailServer, { to, ...mail }: Mail): Promise<string[]> {
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    url: server,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
  });
  try {
    const guarded = { ...mail, from, to: [...to], disableFileAccess: true, disableUrlAccess: true };
    const { rejected } = await transport.sendMail(guarded);
    return rejected;
  } finally {
    transport.close();
  }
}
