import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Micros } from '../../../base/time.ts';
import { splitLines } from '../../../collector/bronze/line-reader.ts';
import { type Envelope, readEnvelope, writeEnvelope } from '../../../collector/payload/envelope.ts';
import { Redeliveries } from '../../../collector/silver/redeliveries.ts';
import { temporaryFolder } from '../../harness/server.ts';

const TODAY = '2025-11-12_@plug.jsonl';
const YESTERDAY = '2025-11-11_@plug.jsonl';
const MIDNIGHT: Micros = Date.UTC(2025, 10, 12) * 1000;

/** A message of the topic `plug`, at a second of the day. */
const message = (second: number, packetId: number, value: string, more: Partial<Envelope> = {}): Buffer =>
  Buffer.from(
    `${writeEnvelope({
      arrival: MIDNIGHT + second * 1e6,
      topic: 'plug',
      payload: Buffer.from(value),
      qos: 1,
      packetId,
      session: 's',
      ...more,
    })}\n`,
  );
const again = { dup: true };

/** The second at which each line of a file came first, as it is told line by line. */
async function firstSeconds(
  today: Buffer[],
  {
    yesterday = [] as Buffer[],
    compressed = false,
    names = [YESTERDAY, TODAY] as readonly [string, string],
  } = {},
) {
  await using folder = await temporaryFolder();
  const write = (name: string, lines: Buffer[]) => {
    const path = join(folder.path, name);
    if (compressed) writeFileSync(`${path}.gz`, gzipSync(Buffer.concat(lines)));
    else writeFileSync(path, Buffer.concat(lines));
  };
  if (yesterday.length > 0) write(names[0], yesterday);
  write(names[1], today);
  const redeliveries = new Redeliveries(folder.path);
  return splitLines(Buffer.concat(today), 0).map(({ bytes, start }) => {
    const arrival = redeliveries.firstArrival(names[1], start, readEnvelope(bytes) as Envelope);
    return (arrival - MIDNIGHT) / 1e6;
  });
}

test.each([false, true])(
  'a message that is sent again has the arrival of the first one (compressed: %s)',
  async compressed => {
    const lines = [
      message(1, 1, '20'),
      message(2, 2, '20'),
      message(3, 4, '20'),
      message(60, 2, '20', again),
      message(61, 4, '20', again),
      message(62, 5, '20'),
      message(90, 4, '20', again),
    ];
    expect(await firstSeconds(lines, { compressed })).toEqual([1, 2, 3, 2, 3, 62, 3]);
  },
);

test('what was recorded on the day before is found as well', async () => {
  const yesterday = [message(-3, 1, '20'), message(-2, 2, '20')];
  expect(await firstSeconds([message(5, 2, '20', again)], { yesterday })).toEqual([-2]);
});

test('in the file of an hour lines of other topics stand between, and the file before is that of the hour before', async () => {
  const names = ['2025-11-11T23_@@@sluice-1.jsonl', '2025-11-12T00_@@@sluice-1.jsonl'] as const;
  const other = { topic: 'lamp', packetId: 3 };
  const withOwnTime = { topic: 'meter', packetId: undefined, session: undefined };
  const yesterday = [message(-4, 1, '20'), message(-3, 2, '20', other), message(-2, 4, '20')];
  const today = [
    message(1, 0, '7', withOwnTime),
    message(5, 4, '20', again),
    message(6, 4, '20', { ...again, topic: 'lamp' }),
    message(7, 0, '7', withOwnTime),
    message(8, 1, '20', again),
  ];
  expect(await firstSeconds(today, { yesterday, names })).toEqual([1, -2, 6, 7, -4]);
});

test('a message whose first sending was lost is one of its own, and what repeats it then is not', async () => {
  const lines = [
    message(1, 1, '20'),
    message(2, 2, '20'),
    message(60, 3, '21', again),
    message(90, 3, '21', again),
  ];
  expect(await firstSeconds(lines)).toEqual([1, 2, 60, 60]);
});

test('what stays in flight for long is recognised each time: its identifier is not used again meanwhile', async () => {
  const lines = [
    message(1, 144, '20'),
    message(2, 145, '20'),
    message(3, 23_000, '20'),
    message(57, 145, '20', again),
    message(58, 40_000, '20'),
    message(59, 59_000, '20'),
    message(65, 145, '20', again),
    message(66, 5000, '20'),
    message(70, 145, '20', again),
  ];
  expect(await firstSeconds(lines)).toEqual([1, 2, 3, 2, 58, 59, 2, 66, 2]);
});

test.each([
  ['another payload', [message(1, 1, '20'), message(2, 2, '20'), message(60, 2, '21', again)]],
  [
    'another session',
    [message(1, 1, '20'), message(2, 2, '20'), message(60, 2, '20', { dup: true, session: 't' })],
  ],
  ['DUP is not set', [message(1, 1, '20'), message(2, 2, '20'), message(60, 2, '20')]],
  ['nothing shows that identifiers ascend', [message(1, 2, '20'), message(60, 2, '20', again)]],
  [
    'identifiers are used again at once',
    [message(1, 1, '20'), message(2, 1, '20'), message(60, 1, '20', again)],
  ],
  [
    'identifiers have gone round',
    [
      message(1, 1, '20'),
      message(2, 2, '20'),
      message(3, 30_000, '20'),
      message(4, 60_000, '20'),
      message(5, 1500, '20'),
      message(60, 2, '20', again),
    ],
  ],
  ['it came too long ago', [message(1, 1, '20'), message(2, 2, '20'), message(3700, 2, '20', again)]],
])('where it cannot be told, it is another message: %s', async (_, lines) => {
  const seconds = await firstSeconds(lines);
  expect(seconds.at(-1)).toBeGreaterThanOrEqual(60);
});

test('whatever is sent again after whatever connection, each message has one arrival', async () => {
  const connection = fc.record({
    /** New messages of this connection, and how many of the last ones get no acknowledgement. */
    sent: fc.integer({ min: 0, max: 60 }),
    open: fc.integer({ min: 0, max: 20 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 65_535 }),
      fc.array(connection, { maxLength: 6 }),
      async (from, connections) => {
        const lines: Buffer[] = [message(0, from, 'a'), message(1, (from % 65_535) + 1, 'b')];
        const expected = [0, 1];
        let second = 1;
        let id = (from % 65_535) + 1;
        let open: { id: number; second: number; value: string }[] = [];
        for (const { sent, open: left } of connections) {
          for (const { id, second: first, value } of open) {
            lines.push(message(++second, id, value, again));
            expected.push(first);
          }
          for (let n = 0; n < sent; n++) {
            id = (id % 65_535) + 1;
            const value = String(n % 3);
            lines.push(message(++second, id, value));
            expected.push(second);
            open.push({ id, second, value });
          }
          open = left === 0 ? [] : open.slice(-left);
        }
        expect(await firstSeconds(lines)).toEqual(expected);
      },
    ),
    { numRuns: 50 },
  );
});

test('a file that is gone says nothing', async () => {
  await using folder = await temporaryFolder();
  rmSync(folder.path, { recursive: true });
  const line = message(60, 2, '20', again);
  const envelope = readEnvelope(line.subarray(0, -1)) as Envelope;
  expect(new Redeliveries(folder.path).firstArrival(TODAY, 500, envelope)).toBe(envelope.arrival);
});
