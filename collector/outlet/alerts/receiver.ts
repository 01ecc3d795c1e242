import type { z } from 'zod';
import type { Notice } from './notice.ts';

/** What settings say for all receivers. */
export interface ReceiverDefaults {
  /** SMTP_URL, SMTP_FROM. */
  mail: { server?: string | undefined; from?: string | undefined };
}

/** A kind of receiver: one file in receivers/, and a line in receivers.ts. */
export interface ReceiverKind<Options extends z.ZodRawShape = z.ZodRawShape> {
  name: string;
  options: Options;
  /** It wants to be told again and again of what fires. */
  repeats?: boolean;
  /** Takes what a receiver does not say itself from the settings. @param report takes the key, and the end of a sentence. */
  complete?(
    options: z.output<z.ZodObject<Options>>,
    defaults: ReceiverDefaults,
    report: (key: string, message: string) => void,
  ): z.output<z.ZodObject<Options>>;
  /** Resolves when the receiver has it. @throws why it has not: it is sent again. */
  send(notice: Notice, options: z.output<z.ZodObject<Options>>, signal: AbortSignal): Promise<void>;
}

/** Gives a kind its types; as an element of a list it has lost them. */
export function receiverKind<Options extends z.ZodRawShape>(definition: ReceiverKind<Options>): ReceiverKind {
  return definition as unknown as ReceiverKind;
}

/** POSTs JSON. @throws unless the answer is of the 200s. */
export async function postJson(
  url: string,
  body: unknown,
  signal: AbortSignal,
  headers: Record<string, string> = {},
): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    redirect: 'manual',
    signal,
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`the receiver answered ${answer.status} ${text.slice(0, 200)}`.trim());
}
