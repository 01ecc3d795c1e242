import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeAtomically } from '../../../base/atomic-file.ts';

const FILE = 'mqtt_session.json';

/** What the file holds: whose session it is, the name we gave it, and what is subscribed in it. */
const form = z.object({
  broker: z.string(),
  client_id: z.string(),
  session: z.string().regex(/^[\x21-\x7e]{1,64}$/),
  topics: z.array(z.string()),
});
type Form = z.output<typeof form>;

/**
 * Our session at the broker, as far as it outlives a connection and a process: the broker keeps subscriptions and what
 * they bring until somebody unsubscribes, and does not say which there are.
 */
export class BrokerSession {
  readonly #file: string;
  #known: Form;

  private constructor(file: string, known: Form) {
    this.#file = file;
    this.#known = known;
  }

  /**
   * Reads what is known of the session. One of another broker or client id is another session; a file that cannot be read
   * says nothing.
   * @param url of the broker; user and password do not matter.
   */
  static async read(dataDir: string, url: string, clientId: string): Promise<BrokerSession> {
    const { protocol, host, pathname } = new URL(url);
    const broker = `${protocol}//${host}${pathname}`;
    const file = join(dataDir, FILE);
    const text = await readFile(file, 'utf8').catch(() => '');
    const known = parse(text);
    const ours = known?.broker === broker && known.client_id === clientId;
    const fresh = { broker, client_id: clientId, session: randomName(), topics: [] };
    return new BrokerSession(file, ours ? known : fresh);
  }

  /** Names it within our records: packet identifiers mean something within one session. */
  get name(): string {
    return this.#known.session;
  }

  /** Topic filters that are, or may be, subscribed. */
  get topics(): readonly string[] {
    return this.#known.topics;
  }

  /** The broker has no session of ours: what it begins now is another one. */
  renew(): void {
    this.#known = { ...this.#known, session: randomName(), topics: [] };
  }

  /** Writes down what is subscribed, or about to be. */
  async note(topics: Iterable<string>): Promise<void> {
    this.#known = { ...this.#known, topics: [...new Set(topics)] };
    await writeAtomically(this.#file, `${JSON.stringify(this.#known)}\n`);
  }
}

function parse(text: string): Form | undefined {
  try {
    return form.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function randomName(): string {
  return randomBytes(6).toString('hex');
}
