import type { z } from 'zod';
import { type Micros, utc } from '../../../base/time.ts';
import type { Decoder } from '../decoder.ts';
import { type EntryContext, type Format, sensorOptions } from '../format.ts';
import { messageJson } from '../message-text.ts';
import type { Reading, Rejection } from '../reading.ts';
import { readRuuvi } from '../ruuvi-data.ts';
import { outcome, SensorNames } from '../sensor-names.ts';
import { readTime } from '../times.ts';

type Options = z.output<z.ZodObject<typeof sensorOptions>>;

const hex = /^(?:[0-9a-f]{2})+$/i;

/**
 * What a Ruuvi Gateway publishes of a Bluetooth sensor: `{"gw_mac", "rssi", "ts": "1659365222", "data": "0201061BFF9904…"}`,
 * on the topic `ruuvi/<gateway>/<sensor>`. The data are hexadecimal digits, of Ruuvi's data formats 3, 5 and 6.
 */
class RuuviDecoder implements Decoder {
  readonly #names: SensorNames;

  constructor(names: SensorNames) {
    this.#names = names;
  }

  decode(topic: string, payload: Buffer, arrival: Micros): readonly Reading[] | Rejection {
    const parsed = messageJson(payload);
    if (typeof parsed === 'string') return parsed;
    if (parsed === undefined) return [];
    const { data, ts, rssi } = (parsed.json ?? {}) as { data?: unknown; ts?: unknown; rssi?: unknown };
    // The gateway's own status has none.
    if (data === undefined) return [];
    if (typeof data !== 'string' || data.length > 1024 || !hex.test(data))
      return 'data are not hexadecimal digits';
    const measured = readRuuvi(Buffer.from(data, 'hex'));
    if (typeof measured === 'string') return measured;
    if (typeof rssi === 'number') measured.push({ path: 'rssi', unit: 'dBm', value: rssi });
    const time = ts === undefined || ts === null ? undefined : readTime(ts, 'auto', utc, arrival);
    if (typeof time === 'string') return time;
    return outcome(
      measured.map(({ path, unit, value }) =>
        this.#names.reading(
          topic,
          { path, payload: parsed.json },
          time,
          arrival,
          value,
          unit === undefined ? undefined : { unit },
        ),
      ),
    );
  }
}

export const ruuvi: Format = {
  name: 'ruuvi',
  options: sensorOptions,
  create(given: Options, context: EntryContext) {
    const names = SensorNames.of(given, '{topic}/{path}', context);
    if (names === undefined) return undefined;
    if (!names.hasPath)
      context.report(['sensor'], 'must contain {path}: its values would all be readings of one sensor');
    return { decoder: new RuuviDecoder(names), hasOwnTime: false };
  },
};
