/*
 * Times every parser that meets input from outside on mutated inputs, and says which took the thread longest.
 *
 *   node bench/hostile-input.ts [seconds] [seed]
 *
 * Exit 1 where one took more than 50 ms of CPU time in one go: readers and senders of everybody else wait that long. An
 * import and the loader have a process or thread of their own, and may take more.
 */
import { Mutation } from './hostile/mutation.ts';
import { itemParsers, type Parser, parsers } from './hostile/parsers.ts';

const LIMIT_MS = 50;
const ALONE_LIMIT_MS = 5000;
/** What seems to be too slow is done so often again, and the fastest counts: the first time it may be compiled, or other programs have the caches. */
const AGAIN = 4;
/** Twice as many as a request may bring readings, by default, and some. */
const MOST_LINES = 22_000;
/** Twice as many as a request may bring: after that it is refused. */
const MOST_ITEMS = 20_000;
/** Inputs of the parsers that read all at once for each of the others, which are long. */
const TIMES = 50;

interface Slowest {
  ms: number;
  limit: number;
  inputs: number;
  input: string;
}

const slowest = new Map<string, Slowest>();

/** Runs something that may be too slow. @returns ms. */
async function timed(
  { isAlone }: Pick<Parser, 'isAlone'>,
  run: () => number | Promise<number>,
): Promise<number> {
  const limit = isAlone ? ALONE_LIMIT_MS : LIMIT_MS;
  let ms = await run();
  for (let time = 0; ms > limit && time < AGAIN; time++) ms = Math.min(ms, await run());
  return ms;
}

function note({ name, isAlone }: Pick<Parser, 'name' | 'isAlone'>, ms: number, input: Buffer): void {
  const limit = isAlone ? ALONE_LIMIT_MS : LIMIT_MS;
  const known = slowest.get(name) ?? { ms: -1, limit, inputs: 0, input: '' };
  known.inputs++;
  if (ms > known.ms) Object.assign(known, { ms, input: shown(input) });
  slowest.set(name, known);
}

function shown(input: Buffer): string {
  return `${input.length} bytes, ${JSON.stringify(input.subarray(0, 40).toString('latin1'))}…`;
}

const cpuMs = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

function linesOf(input: Buffer): number {
  let lines = 0;
  for (let at = input.indexOf(10); at >= 0; at = input.indexOf(10, at + 1)) lines++;
  return lines;
}

function timeParse(parser: Parser, input: Buffer): number {
  const began = cpuMs();
  try {
    parser.parse(input);
  } catch {
    // That it is refused is what it is there for.
  }
  return cpuMs() - began;
}

/** @returns the longest time from one item to the next. */
async function timeItems(items: Iterable<unknown> | AsyncIterable<unknown>): Promise<number> {
  let longest = 0;
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  for (let item = 0; item < MOST_ITEMS; item++) {
    const began = cpuMs();
    let done: boolean | undefined;
    try {
      ({ done } = await iterator.next());
    } catch {
      // As above.
      done = true;
    }
    longest = Math.max(longest, cpuMs() - began);
    if (done) break;
  }
  return longest;
}

const seed = Number(process.argv[3] ?? Date.now() % 1e9);
const mutation = new Mutation(seed);
const until = performance.now() + Number(process.argv[2] ?? 60) * 1000;
while (performance.now() < until) {
  for (let time = 0; time < TIMES; time++) {
    for (const parser of parsers) {
      const input = mutation.of(parser.seeds, parser.most);
      note(parser, await timed(parser, () => timeParse(parser, input)), input);
    }
  }
  for (const parser of itemParsers) {
    const input = mutation.of(parser.seeds, parser.most);
    // Bodies with more lines are refused before anybody goes through them (Intake.demandFewLines).
    if (!parser.isAlone && parser.name !== 'array' && linesOf(input) > MOST_LINES) continue;
    note(parser, await timed(parser, () => timeItems(parser.items(input))), input);
  }
}

console.log(`seed ${seed}`);
const bySlowness = [...slowest].sort(([, a], [, b]) => b.ms - a.ms);
for (const [name, { ms, limit, inputs, input }] of bySlowness) {
  const verdict = ms > limit ? ', TOO SLOW' : '';
  console.log(
    `${name.padEnd(22)} ${String(inputs).padStart(7)} inputs, slowest ${ms.toFixed(1)} ms${verdict}: ${input}`,
  );
}
process.exitCode = bySlowness.some(([, { ms, limit }]) => ms > limit) ? 1 : 0;
