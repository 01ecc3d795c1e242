/*
 * Asks a collector over HTTP as fast as it answers: `node bench/http-client.ts '{"url":…, …}'`, see `HttpLoad`. Prints
 * `ready`, waits for a line on standard input, asks, and prints `HttpAnswers` as a JSON line.
 */
import { once } from 'node:events';
import autocannon from 'autocannon';
import { type Load, payloadOf } from './load.ts';

/** What to ask, and how often. */
export interface HttpLoad {
  url: string;
  connections: number;
  /** How many requests in all; without it, until somebody ends us. */
  requests?: number;
  /** Readings to post, so many of them a request; without it, the address is read. */
  post?: { load: Load; readings: number };
}

/** What came of it. Times are in ms since 1970. */
export interface HttpAnswers {
  began: number;
  ended: number;
  /** Of bodies and headers. */
  bytes: number;
  /** Answers 2xx. */
  good: number;
  /** Other answers, and requests that got none. */
  bad: number;
}

/** More than anybody waits for. */
const ENDLESS_S = 86_400;

const { url, connections, requests, post } = JSON.parse(process.argv[2]!) as HttpLoad;

let next = 0;
function nextBody({ load, readings }: NonNullable<HttpLoad['post']>): string {
  const first = next;
  next += readings;
  return Array.from({ length: readings }, (_, index) => payloadOf(load, first + index)).join('\n');
}

process.stdout.write('ready\n');
await once(process.stdin, 'data');
const began = Date.now();
const result = await autocannon({
  url,
  connections,
  timeout: 60,
  ...(requests === undefined ? { duration: ENDLESS_S } : { amount: requests }),
  ...(post !== undefined && {
    requests: [
      {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        setupRequest: request => ({ ...request, body: nextBody(post) }),
      },
    ],
  }),
});
const answers: HttpAnswers = {
  began,
  ended: Date.now(),
  bytes: result.throughput.total,
  good: result['2xx'],
  bad: result.non2xx + result.errors,
};
process.stdout.write(`${JSON.stringify(answers)}\n`);
process.exit();
