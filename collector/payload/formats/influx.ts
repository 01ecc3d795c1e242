import type { z } from 'zod';
import { type Micros, utc } from '../../../base/time.ts';
import type { Decoder } from '../decoder.ts';
import { type EntryContext, type Format, oneOf, sensorOptions, valueOptions } from '../format.ts';
import { type Point, readPoint, splitPoints } from '../line-protocol.ts';
import { messageText } from '../message-text.ts';
import type { Reading, Rejection } from '../reading.ts';
import { outcome, SensorNames } from '../sensor-names.ts';
import { withoutEmptyLevels } from '../template.ts';
import { readTime } from '../times.ts';
import { convert } from '../value.ts';

const options = {
  ...sensorOptions,
  ...valueOptions,
  precision: oneOf(['ns', 'us', 'ms', 's']).optional().describe('Unit of the times; default: ns.'),
};
type Options = z.output<z.ZodObject<typeof options>>;

/** InfluxDB's line protocol: points with tags, several fields and a time. A line that is wrong costs only itself. */
class InfluxDecoder implements Decoder {
  readonly #names: SensorNames;
  readonly #options: Options;

  constructor(names: SensorNames, options: Options) {
    this.#names = names;
    this.#options = options;
  }

  decode(topic: string, payload: Buffer, arrival: Micros): readonly Reading[] | Rejection {
    const message = messageText(payload);
    if (typeof message === 'string') return message;
    return outcome(splitPoints(message.text).flatMap(line => this.#readLine(topic, line, arrival)));
  }

  #readLine(topic: string, line: string, arrival: Micros): Reading[] {
    const point = readPoint(line);
    if (typeof point === 'string') return [{ sensorId: '', problem: point, time: arrival, value: undefined }];
    const { precision = 'ns' } = this.#options;
    const time = point.time === undefined ? undefined : readTime(point.time, precision, utc, arrival);
    const parts = partsOf(point);
    return point.fields.flatMap(([path, sent]) => {
      const value = convert(sent, this.#options);
      // Texts and booleans are readings where the map says so.
      if (typeof value !== 'number') return [];
      const at = typeof time === 'string' ? undefined : time;
      const reading = this.#names.reading(topic, { path, parts }, at, arrival, value);
      if (typeof time === 'string') reading.problem ??= time;
      return [reading];
    });
  }
}

/** `{measurement}`, `{tag.host}`, `{tags}`: the values of all tags, and `{series}`: both. */
function partsOf({ measurement, tags }: Point): Map<string, string> {
  const values = tags.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
  const levels = withoutEmptyLevels(values.join('/'));
  const parts = new Map([
    ['measurement', measurement],
    ['tags', levels],
    ['series', levels === '' ? measurement : `${measurement}/${levels}`],
  ]);
  for (const [key, value] of tags) parts.set(`tag.${key}`, value);
  return parts;
}

export const influx: Format = {
  name: 'influx',
  options,
  create(given: Options, context: EntryContext) {
    const names = SensorNames.of(given, '{series}/{path}', context, [
      'measurement',
      'tags',
      'series',
      'tag.',
    ]);
    if (names === undefined) return undefined;
    if (!names.hasPath)
      context.report(['sensor'], 'must contain {path}: fields would all be readings of one sensor');
    return { decoder: new InfluxDecoder(names, given), hasOwnTime: false };
  },
};
