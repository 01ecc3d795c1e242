/*
 * What decoding costs a message: the common form, and lines of the formats number and json with fixed paths, from 5 and from
 * 1,000 topics. Prints a table; the rest of the loader is not in it.
 *
 *   node bench/decoding.ts
 */
import { canonicalLine, canonicalSecond } from '../collector/payload/canonical.ts';
import { readEnvelope, writeEnvelope } from '../collector/payload/envelope.ts';
import { readTopics } from '../collector/payload/topics-file.ts';

const MESSAGES = 200_000;
const ROUNDS = 7;
const ARRIVAL = Date.UTC(2025, 10, 12, 10) * 1000;

const topics = readTopics(
  `topics:
  - { filter: "n/{device}/{field}", format: number, sensor: "{device}/{field}", unit: °C }
  - { filter: "j/{device}", format: json, sensor: "{device}/{path}", values: [temperature] }
  - { filter: "t/{device}", format: json, sensor: "{device}/{path}", values: [temperature], time: time }`,
  { zone: 'UTC' },
);

/** Lines of `count` topics, in turn. */
function envelopes(count: number, message: (n: number) => { topic: string; payload: string }): Buffer[] {
  return Array.from({ length: 2000 }, (_, n) => {
    const { topic, payload } = message(n % count);
    return writeEnvelope({ arrival: ARRIVAL + n, topic, payload: Buffer.from(payload), qos: 1, packetId: n });
  });
}

/** As the loader decodes such a line. */
function decode(line: Buffer): number {
  const envelope = readEnvelope(line);
  if (typeof envelope === 'string') throw new Error(envelope);
  const { topic, payload, arrival, notes } = envelope;
  const decoded = topics.find(topic)!.decoder.decode(topic, payload, arrival, notes);
  if (typeof decoded === 'string') throw new Error(decoded);
  return decoded[0]!.time;
}

function common(): () => number {
  const text = Array.from(
    { length: 2000 },
    (_, n) => `{"id": "Sensor ${n % 5}", "dt": "2025-11-12T10:15:01.000Z", "value": ${20 + (n % 9) / 10}}\n`,
  ).join('');
  let at = 0;
  return () => {
    if (at >= text.length) at = 0;
    const match = canonicalLine(text, at)!;
    at += match[0].length;
    return canonicalSecond(match[2]!) + Number(match[3]);
  };
}

function each(lines: Buffer[]): () => number {
  let at = 0;
  return () => decode(lines[at++ % lines.length]!);
}

const kinds: [string, () => number][] = [['the common form', common()]];
for (const count of [5, 1000]) {
  kinds.push(
    [
      `number, ${count} topics`,
      each(envelopes(count, n => ({ topic: `n/d${n}/temperature`, payload: '21.38' }))),
    ],
    [
      `json with a fixed path, ${count} topics`,
      each(
        envelopes(count, n => ({
          topic: `j/d${n}`,
          payload: '{"temperature": 21.38, "humidity": 44.7, "battery": 91}',
        })),
      ),
    ],
    [
      `json with a time, ${count} topics`,
      each(
        envelopes(count, n => ({
          topic: `t/d${n}`,
          payload: '{"time": "2025-11-12T10:00:00Z", "temperature": 21.38}',
        })),
      ),
    ],
  );
}

let sink = 0;
const costs = new Map<string, number[]>(kinds.map(([name]) => [name, []]));
// In turns, so that what else the machine does meets all of them.
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, run] of kinds) {
    const start = process.cpuUsage();
    for (let n = 0; n < MESSAGES; n++) sink += run();
    const { user, system } = process.cpuUsage(start);
    // The first round warms up.
    if (round > 0) costs.get(name)!.push((user + system) / MESSAGES);
  }
}
const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const base = median(costs.get('the common form')!);
console.log('| | CPU µs a message | more than the common form |\n|---|---|---|');
for (const [name, values] of costs) {
  const cost = median(values);
  console.log(`| ${name} | ${cost.toFixed(2)} | ${(cost - base).toFixed(2)} |`);
}
if (!Number.isFinite(sink)) process.exitCode = 1;
