import type { RawFileName } from '../bronze/raw-file-name.ts';
import { UNKNOWN_ARRIVAL } from '../payload/decoder.ts';
import { readEnvelope } from '../payload/envelope.ts';
import type { Reading } from '../payload/reading.ts';
import type { Topics } from '../payload/topics.ts';

const NONE: readonly Reading[] = [];

/**
 * The readings of a line that was recorded, for those who look on: what the loader will find in it, but for formats whose
 * decoding takes long, and for what the broker sends again.
 */
export function liveReadings(topics: Topics, file: RawFileName, line: Buffer): readonly Reading[] {
  if (!file.holdsEnvelopes) return orNone(topics.plain.decoder.decode('', line, UNKNOWN_ARRIVAL));
  const envelope = readEnvelope(line);
  if (typeof envelope === 'string') return NONE;
  const entry = topics.find(envelope.topic);
  if (entry === undefined || entry.ignore || entry.decoder.isSlow) return NONE;
  if (envelope.retain && entry.retained === 'skip') return NONE;
  return orNone(entry.decoder.decode(envelope.topic, envelope.payload, envelope.arrival, envelope.notes));
}

function orNone(decoded: readonly Reading[] | string): readonly Reading[] {
  return typeof decoded === 'string' ? NONE : decoded;
}
