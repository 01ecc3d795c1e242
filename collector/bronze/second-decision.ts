import { join } from 'node:path';
import type { Decoder } from '../payload/decoder.ts';
import { AHEAD } from '../payload/reading.ts';
import type { Sink } from '../source/sink.ts';
import type { WrongTime } from './clock-watch.ts';
import { splitLines } from './line-reader.ts';
import { streamLines } from './line-stream.ts';
import { listRejectedFiles } from './rejected-file.ts';

/** Messages that are recorded at once. */
const AT_ONCE = 500;

/**
 * Decides again what was rejected for its time while the clock was wrong, and records what is a reading now. A message that is
 * recorded twice, as a crash came between, is a duplicate for the loader.
 * @param wrong in which time. @param now the clock, in ms since 1970.
 * @returns how many messages were recorded.
 * @throws errors of the disk.
 */
export async function decideAgain(
  dataDir: string,
  recorder: Sink,
  decoder: Decoder,
  wrong: WrongTime,
  now = Date.now(),
): Promise<number> {
  let recorded = 0;
  for (const { path } of await listRejectedFiles(dataDir)) {
    for await (const { bytes } of streamLines(join(dataDir, path), 'skip')) {
      const readings = splitLines(bytes, 0).flatMap(line => rejectedFor(line.bytes, wrong));
      for (let at = 0; at < readings.length; at += AT_ONCE) {
        const some = readings
          .slice(at, at + AT_ONCE)
          .filter(({ topic, payload }) => typeof decoder.decode(topic, payload, now * 1000) !== 'string');
        await Promise.all(some.map(({ topic, payload }) => recorder.record(topic, payload).durable));
        recorded += some.length;
      }
    }
  }
  return recorded;
}

/** The message of a line, where it was rejected for its time while the clock was wrong. */
function rejectedFor(line: Buffer, { since, until }: WrongTime): { topic: string; payload: Buffer }[] {
  const text = line.toString('utf8');
  if (!text.includes(AHEAD)) return [];
  const { received_at, topic, reason, payload } = JSON.parse(text) as Record<string, unknown>;
  const at = Date.parse(String(received_at));
  if (reason !== AHEAD || typeof payload !== 'string' || !(at >= since && at <= until)) return [];
  return [{ topic: String(topic), payload: Buffer.from(payload) }];
}
