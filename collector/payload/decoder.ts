import type { Micros } from '../../base/time.ts';
import type { Reading, Rejection } from './reading.ts';

/** The arrival of a line that does not say when it came: those of raw files of plain messages. No time is ahead of it. */
export const UNKNOWN_ARRIVAL: Micros = Number.POSITIVE_INFINITY;

/**
 * Tells what messages of one format say. It is the only thing that knows what such a payload looks like: recorder,
 * loader, intake, live stream and replay ask it.
 *
 * The answer depends on the arguments alone, so that a replay decides as the recording did. Nothing that a payload holds
 * makes it throw or take longer than in proportion to the payload's length.
 */
export interface Decoder {
  /**
   * The readings of a message: none (it is understood, and says nothing that is measured), one or many, in the order of the
   * payload; or the reason why it is not understood.
   * @param payload whole; it may be overwritten after the call.
   * @param arrival when the message came, which is its time where it names none; `UNKNOWN_ARRIVAL` where nobody knows.
   * @param notes what `annotate` said when the message was recorded.
   */
  decode(topic: string, payload: Buffer, arrival: Micros, notes?: Notes): readonly Reading[] | Rejection;
  /** The form that most messages of the format have, where it can be told by sight. */
  readonly common?: CommonForm;
  /** Set where `decode` may take long (200 ms): it is for the loader to ask, never for the thread that records. */
  readonly isSlow?: true;
  /** Gives back what it holds, such as a thread; where it is asked again all the same, it takes that again. */
  close?(): void;
  /**
   * Formats whose messages mean nothing without earlier ones: what has to stand beside this payload so that its line is
   * all that is needed to decode it. Asked once a message, in the order of arrival, when it is recorded; undefined: nothing.
   */
  annotate?(topic: string, payload: Buffer): Notes | undefined;
}

/** What a format adds to the line of a recorded message. JSON. */
export type Notes = { readonly [key: string]: unknown };

/**
 * What can be recognised by sight, at a third of the cost of decoding: the form `{"id", "dt", "value"}` of most messages,
 * in ASCII with a time in UTC. What it finds, `decode` says as well.
 */
export interface CommonForm {
  /** The beginning of a payload, up to its date: it decides sensor and day. undefined: of another form. */
  head(payload: Buffer): string | undefined;
  /** The beginning of a payload, up to its hour: it decides sensor and hour. undefined: of another form. */
  hourHead(payload: Buffer): string | undefined;
  /** The second of the day; the time stands in the payload from byte `at` on: one behind the head's end, or where the hour of the other head begins. */
  secondOfDay(payload: Buffer, at: number): number;
  /** Reads a line, its line end included, at `at` of a text: [all, id, dt, value]; null: of another form. */
  line(text: string, at: number): RegExpExecArray | null;
  /** The second, since 1970, of such a line's dt. */
  second(dt: string): number;
}
