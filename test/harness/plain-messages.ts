import type { Zone } from '../../base/time.ts';
import { UNKNOWN_ARRIVAL } from '../../collector/payload/decoder.ts';
import type { Reading, Rejection } from '../../collector/payload/reading.ts';
import { SluiceDecoder } from '../../collector/payload/sluice-decoder.ts';

/**
 * Decodes one line of a raw file of plain messages: `{"id": …, "dt": …, "value": …}`.
 *
 * The answer depends on the text and the zone alone, so that a replay decides as the recording did.
 */
export function decodeReading(text: string, zone: Zone): Reading | Rejection {
  return first(new SluiceDecoder(zone).decode('', Buffer.from(text), UNKNOWN_ARRIVAL));
}

/**
 * Decodes a payload as it arrives.
 * @param now the clock, in ms since 1970: a reading from more than a day ahead of it is not believed.
 */
export function decodePayload(payload: Buffer, zone: Zone, now: number): Reading | Rejection {
  return first(new SluiceDecoder(zone).decode('', payload, now * 1000));
}

function first(decoded: readonly [Reading] | Rejection): Reading | Rejection {
  return typeof decoded === 'string' ? decoded : decoded[0];
}
