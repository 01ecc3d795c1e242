import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { LoaderLog } from '../silver/protocol.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Message } from './message.ts';

/** What has what is sent: a server to which an outlet is connected. */
export interface Consumer {
  /**
   * Hands messages over, in their order. Resolves when the consumer has all of them for good, to how many it has refused:
   * they are dead letters. Where it rejects, nobody knows how many it has, and all are sent again.
   */
  send(messages: readonly Message[]): Promise<number>;
  /** Disconnects, at once; also from a server that hangs. */
  close(): void;
}

/** What a kind is told beside its options. */
export interface OutletContext {
  /** Name of the outlet. */
  name: string;
  /** For what the consumer refuses. */
  deadLetters: DeadLetters;
  log: LoaderLog;
  /** Fires when the outlet gives up the connection, or stops. */
  signal: AbortSignal;
}

/** What is known where the file is read, for mistakes that an entry's own schema cannot see. */
export interface Surroundings {
  /** MQTT_URL. */
  broker: string;
  /** What the collector subscribes to, by levels. */
  subscribed: readonly (readonly string[])[];
}

/** A kind of outlet: one file in kinds/, and a line in kinds.ts. */
export interface Kind<Options extends z.ZodRawShape = z.ZodRawShape> {
  /** What `kind:` says. */
  name: string;
  /** So many batches may be with the consumer at once; default: 1. More only where the server keeps to their order. */
  window?: number;
  /** Its keys in an entry, beside those of all. */
  options: Options;
  /** What is wrong with an entry whose keys are right one by one. @param report takes the key, and the end of a sentence. */
  examine?(
    options: z.output<z.ZodObject<Options>> & { in_flight: number },
    surroundings: Surroundings,
    report: (key: string, message: string) => void,
  ): void;
  /** Connects. Loads its library, which nobody else needs. @throws why it cannot. */
  open(options: z.output<z.ZodObject<Options>>, context: OutletContext): Promise<Consumer>;
}

/** Gives a kind its types; as an element of a list it has lost them. */
export function kind<Options extends z.ZodRawShape>(definition: Kind<Options>): Kind {
  return definition as unknown as Kind;
}

/** A URL of some protocols. */
export function urlOption(...protocols: string[]): z.ZodType<string, unknown> {
  const must = `must be a URL that begins with ${protocols.map(name => `${name}//`).join(' or ')}`;
  return secretOption(must).refine(text => protocols.includes(URL.parse(text)?.protocol ?? ''), must);
}

/**
 * A text that may be a secret: as it stands, or `{env: NAME}`, an environment variable, or `{file: PATH}`, a file.
 * @param must what problems say.
 */
export function secretOption(must: string): z.ZodType<string, unknown> {
  const error = { error: must };
  return z
    .union(
      [
        z.string(error).min(1, must),
        z.strictObject({
          env: z.string('must be the name of an environment variable').describe('An environment variable.'),
        }),
        z.strictObject({
          file: z
            .string('must be the path of a file')
            .describe('A file; a line end at its end does not count.'),
        }),
      ],
      error,
    )
    .transform((given, context) => {
      const text = typeof given === 'string' ? given : readSecret(given);
      if (text !== undefined && text !== '') return text;
      context.addIssue(`names ${Object.values(given)[0]}, which is not there or empty`);
      return z.NEVER;
    });
}

/** Headers of requests; their values may be secrets. */
export const headersOption = z
  .record(
    z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, 'must be the name of a header'),
    secretOption('must be a text, {env: NAME} or {file: PATH}'),
    { error: 'must be a map of headers, such as {Authorization: Bearer …}' },
  )
  .default({})
  .describe('Further headers, such as Authorization.');

function readSecret(given: { env: string } | { file: string }): string | undefined {
  if ('env' in given) return process.env[given.env];
  try {
    return readFileSync(given.file, 'utf8').replace(/\r?\n$/, '');
  } catch {
    return undefined;
  }
}
