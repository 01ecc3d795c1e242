import { join } from 'node:path';
import type { Decoder } from '../payload/decoder.ts';
import { AHEAD } from '../payload/reading.ts';
import type { Sink } from '../source/sink.ts';
import { splitLines } from './line-reader.ts';
import { streamLines } from './line-stream.ts';
import { listRejectedFiles } from './rejected-file.ts';

const DAY_MS = 86_400_000;
/** Messages that are recorded at once. */
const AT_ONCE = 500;
/**
 * After so long without a rejected message another time of the clock begins. A clock that was set back far must not take what
 * the right one had rejected before for its own.
 */
const PAUSE_MS = DAY_MS;

/** While the clock seemed wrong: from when to when, by that clock, in ms since 1970. */
export interface WrongTime {
  since: number;
  until: number;
}

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

/**
 * Until when messages were rejected for their time by a clock that was wrong: its process may have been killed after it had
 * last written that down.
 * @returns the time of the last of them, in ms by that clock, or what was written down.
 */
export async function lastRejectedAhead(dataDir: string, { since, until }: WrongTime): Promise<number> {
  const times: number[] = [];
  for (const { date, path } of await listRejectedFiles(dataDir)) {
    if (Date.parse(date) + DAY_MS <= until) continue;
    for await (const { bytes } of streamLines(join(dataDir, path), 'skip')) {
      for (const line of splitLines(bytes, 0)) {
        const at = ahead(line.bytes)?.at;
        if (at !== undefined && at > until) times.push(at);
      }
    }
  }
  let last = Math.max(since, until);
  for (const at of times.sort((a, b) => a - b)) {
    if (at - last > PAUSE_MS) break;
    last = at;
  }
  return last;
}

/** The message of a line, where it was rejected for its time while the clock was wrong. */
function rejectedFor(line: Buffer, { since, until }: WrongTime): { topic: string; payload: Buffer }[] {
  const message = ahead(line);
  if (message === undefined || !(message.at >= since && message.at <= until)) return [];
  return [{ topic: message.topic, payload: Buffer.from(message.payload) }];
}

/** The message of a line, and when it was rejected in ms, where that was for its time. */
function ahead(line: Buffer): { at: number; topic: string; payload: string } | undefined {
  const text = line.toString('utf8');
  if (!text.includes(AHEAD)) return undefined;
  const { received_at, topic, reason, payload } = parsed(text);
  if (reason !== AHEAD || typeof payload !== 'string') return undefined;
  return { at: Date.parse(String(received_at)), topic: String(topic), payload };
}

/** Nothing where the line is not JSON: a crash may have torn it. */
function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
