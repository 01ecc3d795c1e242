import { createHash } from 'node:crypto';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { Micros } from '../../base/time.ts';
import { type RawLine, splitLines } from '../bronze/line-reader.ts';
import { RawFileName } from '../bronze/raw-file-name.ts';
import { type Envelope, readEnvelope } from '../payload/envelope.ts';
import { keyOfEntry } from './ledger.ts';
import { RawText } from './raw-text.ts';

/** Packet identifiers are 1 to 65,535. */
const IDENTIFIERS = 65_535;
/** A step that is larger goes backwards: identifiers of lines that follow each other are taken to ascend by less. */
const MOST_STEP = 32_767;
/** Nor is it looked for among messages that came longer before: identifiers may have gone round since, unseen in this file. */
const MOST_AGE: Micros = 3_600e6;

/** In the file of an hour no more lines without identifiers are passed over: about a second of work. */
const MOST_LOOKED_AT = 500_000;

/** A message as far as it tells whether another one repeats it. */
interface Sent {
  packetId: number;
  arrival: Micros;
  digest: string;
  repeats: boolean;
}

/**
 * Recognises messages that the broker sent again because their acknowledgement was lost: DUP set, and among the lines
 * before it, in the raw file or the one before that, one of the same session with the same packet identifier, topic and
 * payload [MQTT-4.4.0-1], [MQTT-2.2.1-4]. It has to be clear that identifiers have not gone round in between, so those of the
 * lines in between must be seen to ascend, which some brokers' do not.
 *
 * A message that repeats another gets the arrival of that one, so that its readings are those that are stored already.
 * Wherever it cannot be told, it counts as a message of its own: twice is better than never. The answer depends on the
 * files alone, so a replay gives it again.
 */
export class Redeliveries {
  readonly #folder: string;
  #window = new SessionWindow('');
  /** The file of the last message that may repeat another: they come in swarms. */
  #text = new RawText('');
  /** The window has the lines of the file up to this byte. */
  #end = 0;

  /** @param folder of the raw files. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * When a message came first.
   * @param file its key in the ledger; absolute for one from elsewhere. @param start where its line begins.
   * @throws errors of the disk.
   */
  firstArrival(file: string, start: number, envelope: Envelope): Micros {
    const { session, arrival } = envelope;
    const sent = sentBy(envelope);
    if (sent === undefined || !sent.repeats || session === undefined) return arrival;
    const path = isAbsolute(file) ? file : join(this.#folder, keyOfEntry(file));
    if (path !== this.#text.path) {
      this.#text.close();
      this.#text = new RawText(path);
      this.#end = Number.POSITIVE_INFINITY;
    }
    if (session !== this.#window.session || start < this.#end) {
      this.#window = new SessionWindow(session);
      for (const line of this.#linesBefore(start, envelope)) this.#window.note(line);
    } else {
      for (const line of splitLines(this.#text.read(this.#end, start), this.#end)) {
        const before = sentIn(line, session);
        if (before !== undefined) this.#window.note(before);
      }
    }
    this.#end = start;
    return this.#window.find(sent)?.arrival ?? arrival;
  }

  /** The messages of a session before a byte of a file, oldest first, as far back as one of them may be repeated. */
  #linesBefore(start: number, { session, arrival }: Envelope): Sent[] {
    const found: Sent[] = [];
    const text = this.#text;
    const isOfHour = RawFileName.ofKey(basename(text.path))?.isOfHour ?? false;
    let looked = 0;
    const take = (line: RawLine): boolean => {
      const sent = sentIn(line, session!);
      // In the file of an hour lines of other topics stand between, which may have no identifiers.
      if (sent === undefined && isOfHour && isWithout(line)) return ++looked < MOST_LOOKED_AT;
      // Another session, or none: identifiers before mean nothing here.
      if (sent === undefined || arrival - sent.arrival > MOST_AGE) return false;
      return found.push(sent) < IDENTIFIERS;
    };
    if (text.linesBackFrom(start, take)) {
      const before = new RawText(join(dirname(text.path), fileBefore(text.path)));
      try {
        before.linesBackFrom(before.length, take);
      } finally {
        before.close();
      }
    }
    return found.reverse();
  }
}

/** The last messages of a session in a file, as far as their identifiers ascend. */
class SessionWindow {
  readonly session: string;
  /** By packet identifier. `place` is how far identifiers had ascended. */
  readonly #sent = new Map<number, Sent & { place: number }>();
  #place = 0;
  #lastId: number | undefined;
  /** Whether identifiers have been seen to ascend: only then a recurring one says anything. */
  #ascends = false;

  constructor(session: string) {
    this.session = session;
  }

  /** Takes in the message that comes next. */
  note(message: Sent): void {
    const { packetId, repeats } = message;
    if (repeats) {
      const known = this.find(message);
      // What was received before is known already; its identifier is still in use.
      if (known !== undefined) this.#sent.set(packetId, { ...known, place: this.#place });
      else {
        const ahead = this.#lastId === undefined ? 0 : distance(this.#lastId, packetId);
        const step = ahead <= MOST_STEP ? ahead : ahead - IDENTIFIERS;
        this.#sent.set(packetId, { ...message, place: this.#place + step });
      }
      return;
    }
    const step = this.#lastId === undefined ? 0 : distance(this.#lastId, packetId);
    if (this.#lastId !== undefined && (step === 0 || step > MOST_STEP)) {
      this.#sent.clear();
      this.#ascends = false;
    } else if (step > 0) this.#ascends = true;
    this.#place += step;
    this.#lastId = packetId;
    this.#sent.set(packetId, { ...message, place: this.#place });
  }

  /** The message that this one repeats; undefined where none can be told. */
  find({ packetId, arrival, digest }: Sent): (Sent & { place: number }) | undefined {
    const sent = this.#sent.get(packetId);
    if (sent === undefined || !this.#ascends || sent.digest !== digest) return undefined;
    // We let the broker have as many in flight as there are identifiers; after that many this one has been used again.
    return this.#place - sent.place < IDENTIFIERS && arrival - sent.arrival <= MOST_AGE ? sent : undefined;
  }
}

/** How far identifiers ascend from one to another. */
function distance(from: number, to: number): number {
  return (to - from + IDENTIFIERS) % IDENTIFIERS;
}

/** @returns undefined for a line of another session, or of a message without a packet identifier. */
function sentIn(line: RawLine, session: string): Sent | undefined {
  const envelope = readEnvelope(line.bytes);
  return typeof envelope === 'string' || envelope.session !== session ? undefined : sentBy(envelope);
}

/** Whether a line says of no session that it is of it. */
function isWithout(line: RawLine): boolean {
  const envelope = readEnvelope(line.bytes);
  return typeof envelope === 'string' || envelope.session === undefined;
}

function sentBy({ topic, packetId, arrival, payload, dup = false }: Envelope): Sent | undefined {
  if (packetId === undefined) return undefined;
  const digest = payload.length <= 64 ? payload.toString('latin1') : digestOf(payload);
  // No topic holds a NUL.
  return { packetId, arrival, digest: `${topic}\0${digest}`, repeats: dup };
}

/** The name of the raw file of the day or hour before. */
function fileBefore(path: string): string {
  return RawFileName.ofKey(basename(path))?.before.key ?? '';
}

function digestOf(payload: Buffer): string {
  return createHash('sha256').update(payload).digest('base64');
}
