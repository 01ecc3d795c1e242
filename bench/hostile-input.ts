/*
 * Times every parser that meets input from outside on mutated inputs, and says which took the main thread longest.
 *
 *   node bench/hostile-input.ts [seconds] [seed]
 *
 * Exit 1 where one took more than 50 ms of CPU time in one go: readers and senders of everybody else wait that long.
 */
import { Access } from '../base/http/access.ts';
import { nearestNames } from '../base/nearest.ts';
import { parseTime, zoneOf } from '../base/time.ts';
import { equipmentMessages } from '../collector/payload/equipment.ts';
import { MAX_PAYLOAD_BYTES } from '../collector/payload/reading.ts';
import { SluiceDecoder } from '../collector/payload/sluice-decoder.ts';
import { readTextLines } from '../collector/payload/text-lines.ts';
import { readDate, readRange } from '../collector/serve/times.ts';
import { jsonItems, ndjsonItems } from '../collector/source/http/json-items.ts';

const LIMIT_MS = 50;
/** The largest body by default (HTTP_MAX_BODY_BYTES), and what fits into a URL or a header. */
const BODY = 8 * 1024 * 1024;
const HEAD = 8 * 1024;
/** Twice as many as a request may bring readings, by default, and some. */
const MOST_LINES = 22_000;

interface Parser {
  name: string;
  /** No input is longer. */
  most: number;
  seeds: string[];
  parse(input: Buffer): unknown;
}

const zone = zoneOf('Europe/Vienna');
const decoder = new SluiceDecoder(zone);
const now = Date.UTC(2026, 0, 1) * 1000;
const times = [
  '2025-11-12T10:15:01.123456+01:00',
  '2025-11-12',
  '20251112T101501Z',
  '2025-11-12 10:15:01 UTC',
];
const reading = '{"id": "Sensor 1", "dt": "2025-11-12T10:15:01.000Z", "value": 25}';
const access = new Access([{ hash: Buffer.alloc(32), rights: new Set(['read']) }] as never);
const requestOf = (authorization: string) =>
  ({ headers: { authorization, host: 'localhost' }, ip: '::1' }) as never;
const names = Array.from({ length: 1000 }, (_, n) => `Sensor ${n}`);

const parsers: Parser[] = [
  { name: 'time', most: MAX_PAYLOAD_BYTES, seeds: times, parse: input => parseTime(input.toString(), zone) },
  {
    name: 'message',
    most: MAX_PAYLOAD_BYTES,
    seeds: [reading],
    parse: input => decoder.decode('', input, now),
  },
  {
    name: 'equipment',
    most: MAX_PAYLOAD_BYTES,
    seeds: ['{"equipment_id": "PUMP-A1-001", "timestamp": "2025-11-12T10:15:01Z", "measurements": {"a": 1}}'],
    parse: input => equipmentMessages(JSON.parse(input.toString()), /^[A-Z]+-[A-Z0-9]+-\d{3}$/),
  },
  { name: 'range', most: HEAD, seeds: times, parse: input => readRange(input.toString(), input.toString()) },
  { name: 'date', most: HEAD, seeds: times, parse: input => readDate('date', input.toString()) },
  {
    name: 'token',
    most: HEAD,
    seeds: ['Bearer 0123456789abcdef', 'Bearer   x  '],
    parse: input => access.allows(requestOf(input.toString()), 'read'),
  },
  {
    name: 'nearest',
    most: 50,
    seeds: ['Sensor 1', 'sensor_00007'],
    parse: input => nearestNames(input.toString(), names),
  },
];

/** Parsers that give item by item: others have the thread in between. */
const generators: (Omit<Parser, 'parse'> & { items(input: Buffer): Iterable<unknown> })[] = [
  { name: 'lines', most: BODY, seeds: ['1649941817 Voltage 1.34\n1 a b 1\n'], items: readTextLines },
  { name: 'array', most: BODY, seeds: [`[${reading}, ${reading}]`, `[[{"a": "\\"]"}]]`], items: jsonItems },
  { name: 'NDJSON', most: BODY, seeds: [`${reading}\n${reading}\n`], items: ndjsonItems },
];

let state = Number(process.argv[3] ?? Date.now() % 1e9);
const seed = state;
/** A whole number below `n`. */
function below(n: number): number {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
}

const pieces = [
  ' ',
  '\t',
  '\n',
  '1',
  '0',
  '.',
  '-',
  '+',
  ':',
  'e',
  'x',
  '"',
  '\\',
  '[',
  ']',
  '{',
  '}',
  ',',
  '\0',
  'é',
  '😀',
  'Z',
  ' 1',
  '[1,',
  '"a":',
  '\r\n',
];

/** A seed with runs of something put in, bytes changed, and parts said again; as long as may be, now and then. */
function mutated(seeds: string[], most: number): Buffer {
  let text = seeds[below(seeds.length)]!;
  for (let change = below(4); change >= 0; change--) {
    const at = below(text.length + 1);
    const room = Math.max(1, most - text.length);
    const piece = below(4) === 0 ? text.slice(at, at + 1 + below(40)) : pieces[below(pieces.length)]!;
    const length = below(3) === 0 ? room : 1 + below(Math.min(room, 4000));
    text =
      text.slice(0, at) +
      piece.repeat(Math.ceil(length / Math.max(1, piece.length))) +
      text.slice(at + below(3));
  }
  return Buffer.from(text).subarray(0, most);
}

function linesOf(input: Buffer): number {
  let lines = 0;
  for (let at = input.indexOf(10); at >= 0; at = input.indexOf(10, at + 1)) lines++;
  return lines;
}

const cpuMs = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

interface Slowest {
  ms: number;
  inputs: number;
  input: string;
}

const slowest = new Map<string, Slowest>();
function note(name: string, ms: number, input: Buffer): void {
  const known = slowest.get(name) ?? { ms: -1, inputs: 0, input: '' };
  known.inputs++;
  if (ms > known.ms) Object.assign(known, { ms, input: shown(input) });
  slowest.set(name, known);
}

function shown(input: Buffer): string {
  return `${input.length} bytes, ${JSON.stringify(input.subarray(0, 40).toString('latin1'))}…`;
}

const until = performance.now() + Number(process.argv[2] ?? 60) * 1000;
while (performance.now() < until) {
  for (const { name, most, seeds, parse } of Array.from({ length: 50 }, () => parsers).flat()) {
    const input = mutated(seeds, most);
    const began = cpuMs();
    try {
      parse(input);
    } catch {
      // That it is refused is what it is there for.
    }
    note(name, cpuMs() - began, input);
  }
  for (const { name, most, seeds, items } of generators) {
    const input = mutated(seeds, most);
    // Bodies with more lines are refused before anybody goes through them (Intake.demandFewLines).
    if (name !== 'array' && linesOf(input) > MOST_LINES) continue;
    let longest = 0;
    try {
      const iterator = items(input)[Symbol.iterator]();
      // Twice as many as a request may bring: after that it is refused.
      for (let item = 0; item < 20_000; item++) {
        const began = cpuMs();
        const { done } = iterator.next();
        longest = Math.max(longest, cpuMs() - began);
        if (done) break;
      }
    } catch {
      // As above.
    }
    note(name, longest, input);
  }
}

console.log(`seed ${seed}`);
for (const [name, { ms, inputs, input }] of [...slowest].sort(([, a], [, b]) => b.ms - a.ms)) {
  console.log(
    `${name.padEnd(10)} ${String(inputs).padStart(7)} inputs, slowest ${ms.toFixed(1)} ms: ${input}`,
  );
}
process.exitCode = [...slowest.values()].some(({ ms }) => ms > LIMIT_MS) ? 1 : 0;
