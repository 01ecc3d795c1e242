import { isRejectedFile } from '../bronze/rejected-file.ts';
import type { DurableLines } from './live-stream.ts';

const LF = 0x0a;
/** Of each group of messages no more lines than these are looked at, from the last one on. */
const LOOKED_AT = 8;
/** A longer line costs more than an example is worth. */
const MOST_BYTES = 16 * 1024;
/** Of the payload as much is shown. */
const SHOWN = 200;
/** Reasons are few and fixed; a bound all the same. */
const MOST_REASONS = 200;

/** What a rejected message looked like. */
export interface RejectExample {
  /** When it came; ISO 8601. */
  at: string;
  topic: string;
  /** Its beginning. */
  payload: string;
}

/** Keeps the last message of each reason, so that a person sees at a glance what kind of message is rejected. */
export class RejectExamples {
  readonly #byReason = new Map<string, RejectExample>();

  /** Looks at what has become durable; the memory of the lines is the caller's again when it returns. */
  note(files: DurableLines): void {
    for (const [file, { bytes }] of files) if (isRejectedFile(file)) this.#noteLast(bytes);
  }

  /** The last one that was rejected for this reason. */
  of(reason: string): RejectExample | undefined {
    return this.#byReason.get(reason);
  }

  #noteLast(bytes: Buffer): void {
    const seen = new Set<string>();
    let end = bytes.length - 1;
    for (let looked = 0; looked < LOOKED_AT && end > 0; looked++) {
      const start = bytes.lastIndexOf(LF, end - 1) + 1;
      if (end - start <= MOST_BYTES) this.#noteLine(bytes.subarray(start, end), seen);
      end = start - 1;
    }
  }

  #noteLine(line: Buffer, seen: Set<string>): void {
    const said = JSON.parse(line.toString('utf8')) as Record<string, string>;
    const { received_at: at = '', topic = '', reason = '', payload, payload_base64 } = said;
    if (seen.has(reason) || (this.#byReason.size >= MOST_REASONS && !this.#byReason.has(reason))) return;
    seen.add(reason);
    const text = payload ?? `${payload_base64} (base64)`;
    this.#byReason.set(reason, { at, topic, payload: text.slice(0, SHOWN) });
  }
}
