import { formatTime, parseTime, utc } from '../../../base/time.ts';
import { readTopics, type TopicsOptions } from '../../../collector/payload/topics-file.ts';

/** When the messages of tests arrive, unless they say otherwise. */
const arrival = parseTime('2025-11-12T10:15:01.000001Z', utc)!;

/** What a topics file makes of a message: `id value unit time` of each reading, `now` being the arrival; or the reason. */
export function decoding(yaml: string, options: Partial<TopicsOptions> = {}) {
  const topics = readTopics(yaml, { zone: 'UTC', ...options }, 'topics.yaml');
  return (topic: string, payload: unknown, at = arrival): string[] | string => {
    const bytes = Buffer.isBuffer(payload)
      ? payload
      : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
    const entry = topics.find(topic);
    if (entry === undefined) return 'no entry';
    if (entry.ignore) return 'ignored';
    const notes = entry.decoder.annotate?.(topic, bytes);
    const decoded = entry.decoder.decode(topic, bytes, at, notes);
    if (typeof decoded === 'string') return decoded;
    return decoded.map(({ sensorId, value, unit, time, problem }) =>
      [
        sensorId,
        problem ?? (typeof value === 'string' ? JSON.stringify(value) : String(value)),
        ...(unit === undefined ? [] : [unit]),
        time === at ? 'now' : formatTime(time).replace('.000000Z', 'Z'),
      ].join(' '),
    );
  };
}
