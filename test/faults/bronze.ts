import { join } from 'node:path';
import { RawFileName } from '../../collector/bronze/raw-file-name.ts';
import { readEnvelope } from '../../collector/payload/envelope.ts';
import { type Message, type Messages, numberIn } from './messages.ts';
import { textOf, textsIn } from './texts.ts';

/** A line of a raw file, and where it begins. */
export interface BronzeLine {
  offset: number;
  /** The publication whose payload it is. */
  original: number;
  text: string;
}

/** What the recorder has written, compared with what was sent. */
export class Bronze {
  readonly #dataDir: string;
  readonly #messages: Messages;
  readonly #sent: number;
  /** How many lines there are of each publication. */
  readonly counts: Uint16Array;
  readonly lines = new Map<string, number>();
  /** When messages without a time of their own came, µs since 1970, by publication. */
  readonly arrivals = new Map<number, number[]>();
  /** Under which packet identifiers they came. */
  readonly packetIds = new Map<number, Set<number | undefined>>();
  readonly violations: string[] = [];

  /** @param sent publications with a smaller number may be there, others not. */
  constructor(dataDir: string, messages: Messages, sent: number) {
    this.#dataDir = dataDir;
    this.#messages = messages;
    this.#sent = sent;
    this.counts = new Uint16Array(sent);
  }

  /**
   * Reads every file, and holds each line against the publication that it names.
   * @param onFile given the lines of a raw file, whole.
   */
  async read(
    onFile: (name: string, lines: BronzeLine[]) => Promise<void> = async () => undefined,
  ): Promise<void> {
    const names = async (folder: string) => [...(await textsIn(join(this.#dataDir, folder)))].sort();
    for (const name of await names('raw')) {
      if (holdsEnvelopes(name)) {
        this.lines.set(name, await this.#readEnvelopes(name));
        continue;
      }
      const lines = await this.#readRaw(name);
      this.lines.set(name, lines.length);
      await onFile(name, lines);
    }
    for (const name of await names('rejected')) await this.#readRejected(name);
  }

  async #readRaw(name: string): Promise<BronzeLine[]> {
    const lines: BronzeLine[] = [];
    for (const { bytes, offset, number } of await this.#linesOf(join('raw', name))) {
      const original = this.#original(bytes, `raw/${name}:${number}`, name);
      if (original !== undefined) lines.push({ offset, original, text: bytes.toString('utf8') });
    }
    return lines;
  }

  /** @returns how many lines there are. */
  async #readEnvelopes(name: string): Promise<number> {
    const lines = await this.#linesOf(join('raw', name));
    for (const { bytes, number } of lines) {
      const where = `raw/${name}:${number}`;
      const envelope = readEnvelope(bytes);
      if (typeof envelope === 'string') {
        this.#violate(where, `is not an envelope: ${bytes.toString('utf8').slice(0, 200)}`);
        continue;
      }
      const original = this.#original(envelope.payload, where, name);
      if (original === undefined) continue;
      this.packetIds.set(original, new Set(this.packetIds.get(original)).add(envelope.packetId));
      this.arrivals.set(original, [...(this.arrivals.get(original) ?? []), envelope.arrival]);
    }
    return lines.length;
  }

  async #readRejected(name: string): Promise<void> {
    for (const { bytes, number } of await this.#linesOf(join('rejected', name))) {
      const where = `rejected/${name}:${number}`;
      try {
        const { payload, payload_base64, topic, reason, received_at } = JSON.parse(bytes.toString('utf8'));
        const sent = payload === undefined ? Buffer.from(payload_base64, 'base64') : Buffer.from(payload);
        const original = this.#original(sent, where, undefined);
        if (original !== undefined && this.#messages.at(original).topic !== topic)
          this.#violate(where, 'names another topic');
        if (!reason || Number.isNaN(Date.parse(received_at)))
          this.#violate(where, 'lacks a reason or received_at');
      } catch {
        this.#violate(where, `is not a rejected message: ${bytes.toString('utf8').slice(0, 200)}`);
      }
    }
  }

  /** @returns the publication that a payload is; undefined, and a violation, where it is none or in the wrong file. */
  #original(payload: Buffer, where: string, file: string | undefined): number | undefined {
    const n = numberIn(payload);
    const message = n === undefined || n >= this.#sent ? undefined : this.#messages.at(n);
    if (message === undefined || message.original !== n || !message.payload.equals(payload)) {
      this.#violate(where, `was never sent: ${payload.toString('utf8').slice(0, 200)}`);
      return undefined;
    }
    if (!isIn(message, file)) {
      this.#violate(where, `belongs to ${message.file ?? 'the rejected messages'}`);
      return undefined;
    }
    this.counts[n] = this.counts[n]! + 1;
    return n;
  }

  async #linesOf(file: string): Promise<{ bytes: Buffer; offset: number; number: number }[]> {
    const content = await textOf(join(this.#dataDir, file));
    const lines: { bytes: Buffer; offset: number; number: number }[] = [];
    let offset = 0;
    for (let end = content.indexOf(0x0a); end >= 0; end = content.indexOf(0x0a, offset)) {
      lines.push({ bytes: content.subarray(offset, end), offset, number: lines.length + 1 });
      offset = end + 1;
    }
    if (offset < content.length) this.#violate(file, 'does not end in a line end');
    return lines;
  }

  #violate(where: string, what: string): void {
    this.violations.push(`${where} ${what}`);
  }
}

function holdsEnvelopes(file: string): boolean {
  return RawFileName.parse(file)?.name.holdsEnvelopes ?? false;
}

/** Whether a message belongs to a raw file, of a sensor and day or of an hour; undefined: to the rejected ones. */
function isIn({ file: own, hour, isEnvelope }: Message, file: string | undefined): boolean {
  if (isEnvelope || (file !== undefined && holdsEnvelopes(file)))
    return isEnvelope && file !== undefined && holdsEnvelopes(file);
  return file?.includes('_@@') ? hour === file.slice(0, 13) : own === file;
}
