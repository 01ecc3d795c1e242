import { mkdir, readdir, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../../../harness/eventually.ts';
import { linesIn } from '../../../harness/pipeline.ts';
import { collecting, post, readingAt } from '../../serve/collecting.ts';

const lines = '1649941817 Voltage 1.34\n1649941818.25 Current 12\n';

test('POST /data: the lines are in the raw files when it is answered', async () => {
  await using running = await collecting();
  expect(await post(`${running.http}/data`, lines, 'text/plain')).toMatchObject({
    code: 200,
    body: { success: true },
  });
  expect(await linesIn(join(running.dataDir, 'raw'))).toEqual(
    new Map([
      ['2022-04-14_Current.jsonl', ['{"id": "Current", "dt": "2022-04-14T13:10:18.250000Z", "value": 12}']],
      ['2022-04-14_Voltage.jsonl', ['{"id": "Voltage", "dt": "2022-04-14T13:10:17Z", "value": 1.34}']],
    ]),
  );
});

test('POST /data: a bad line, and nothing is recorded; every one is told', async () => {
  await using running = await collecting();
  const tooLate = Math.floor(Date.now() / 1000) + 2 * 86_400;
  const answer = await post(
    `${running.http}/data`,
    `${lines}\nbad\n${tooLate} Voltage 1\n1 Voltage x\n`,
    'text/plain',
  );
  expect(answer).toMatchObject({
    code: 400,
    body: {
      success: false,
      errors: [
        { line: 4, reason: 'not of the form <unix seconds> <name> <value>' },
        { line: 5, reason: 'time is more than a day ahead' },
        { line: 6, reason: 'value is not a number' },
      ],
    },
  });
  expect(await running.recorded()).toBe(0);
  expect(await readdir(join(running.dataDir, 'rejected'))).toEqual([]);
  expect(running.collector.progress).toMatchObject({ received: 5, recorded: 0, rejected: 5 });
});

test.each(['', '\n \n'])('POST /data: %j has no line', async body => {
  await using running = await collecting();
  expect(await post(`${running.http}/data`, body, 'text/plain')).toMatchObject({
    code: 400,
    body: { message: 'The body is empty.' },
  });
});

test.each(['text/plain; charset=utf-8', 'application/x-www-form-urlencoded', ''])(
  'POST /data: %j will do, as senders without an opinion send it',
  async type => {
    await using running = await collecting();
    // A Blob has no type unless it is given one; fetch adds text/plain to a string.
    const body = new TextEncoder().encode(lines);
    expect((await post(`${running.http}/data`, body, type)).code).toBe(200);
    expect(await running.recorded()).toBe(2);
  },
);

test('POST /api/v1/readings: one, an array, NDJSON; recorded byte for byte', async () => {
  await using running = await collecting();
  const url = `${running.http}/api/v1/readings`;
  const odd = '{ "id":"Sensor 1",  "more": [1.0], "dt":"2025-11-12T10:00:09+01:00", "value":1.50 }';
  for (const [body, type, received] of [
    [readingAt(0), 'application/json', 1],
    [`[${readingAt(1)},\n ${odd}]`, 'application/json; charset=utf-8', 2],
    [`${readingAt(3)}\n\n${readingAt(4)}\r\n`, 'application/x-ndjson', 2],
  ] as const) {
    expect(await post(url, body, type)).toMatchObject({
      code: 202,
      body: { received, recorded: received, rejected: 0, errors: [] },
    });
  }
  expect(await linesIn(join(running.dataDir, 'raw'))).toEqual(
    new Map([['2025-11-12_Sensor_1.jsonl', [readingAt(0), readingAt(1), odd, readingAt(3), readingAt(4)]]]),
  );
});

test('POST /api/v1/readings: what can be accepted is recorded, the rest is named and not kept', async () => {
  await using running = await collecting();
  const url = `${running.http}/api/v1/readings`;
  expect(
    await post(url, `[${readingAt(0)}, ${readingAt(1, 'Sensor 1', 'warm')}, {"id": "a"}, 5]`),
  ).toMatchObject({
    code: 202,
    body: {
      received: 4,
      recorded: 1,
      rejected: 3,
      errors: [
        { item: 2, reason: 'value is not a number' },
        { item: 3, reason: 'dt is missing' },
        { item: 4, reason: 'not a JSON object' },
      ],
    },
  });
  expect(await post(url, `nonsense\n\n${readingAt(2)}`, 'application/x-ndjson')).toMatchObject({
    code: 202,
    body: { recorded: 1, errors: [{ item: 1, reason: 'not JSON' }] },
  });
  expect(await post(url, '{"id": "a"}')).toMatchObject({
    code: 400,
    body: { statusCode: 400, received: 1, recorded: 0, errors: [{ item: 1, reason: 'dt is missing' }] },
  });
  expect(await running.recorded()).toBe(2);
  expect(running.collector.progress).toMatchObject({ received: 7, recorded: 2, rejected: 5 });
});

test.each(['', ' ', '[]', `[${readingAt(0)}, {]`, `[${readingAt(0)}`, `${readingAt(0)}${readingAt(1)}`])(
  'POST /api/v1/readings: %j is refused whole',
  async body => {
    await using running = await collecting();
    expect((await post(`${running.http}/api/v1/readings`, body)).code).toBe(400);
    expect(await running.recorded()).toBe(0);
  },
);

test('a body of another type, or encoded, is refused', async () => {
  await using running = await collecting();
  expect((await post(`${running.http}/api/v1/readings`, readingAt(0), 'text/plain')).code).toBe(415);
  expect((await post(`${running.http}/data`, lines, 'application/json')).code).toBe(415);
  const gzip = { 'content-encoding': 'gzip' };
  expect((await post(`${running.http}/data`, lines, 'text/plain', gzip)).code).toBe(415);
});

test('too many readings, or too many bytes: 413, and nothing is recorded', async () => {
  await using running = await collecting({ HTTP_MAX_READINGS: '2', HTTP_MAX_BODY_BYTES: '1024' });
  const url = `${running.http}/api/v1/readings`;
  const three = [readingAt(0), readingAt(1), readingAt(2)];
  expect((await post(url, `[${three}]`)).code).toBe(413);
  expect((await post(url, three.join('\n'), 'application/x-ndjson')).code).toBe(413);
  expect((await post(`${running.http}/data`, '1649941817 a 1\n'.repeat(3), 'text/plain')).code).toBe(413);
  expect((await post(url, `${readingAt(0)}${' '.repeat(1024)}`)).code).toBe(413);
  // Without a Content-Length it shows on the way.
  const stream = new Blob([`${readingAt(0)}${' '.repeat(2000)}`]).stream();
  const chunked = await fetch(url, {
    method: 'POST',
    body: stream,
    duplex: 'half',
    headers: { 'content-type': 'application/json' },
  } as RequestInit);
  expect(chunked.status).toBe(413);
  expect((await post(url, `[${three.slice(0, 2)}]`)).code).toBe(202);
  expect(await running.recorded()).toBe(2);
});

test('lines that are empty are left out, but not millions of them', async () => {
  await using running = await collecting({ HTTP_MAX_READINGS: '2' });
  const empty = (lines: number) => '\n'.repeat(lines);
  const text = (lines: number) => post(`${running.http}/data`, `1649941817 a 1${empty(lines)}`, 'text/plain');
  expect((await text(1000)).code).toBe(200);
  expect((await text(8_000_000)).code).toBe(413);
  const url = `${running.http}/api/v1/readings`;
  expect((await post(url, `${readingAt(0)}${empty(1000)}`, 'application/x-ndjson')).code).toBe(202);
  expect((await post(url, `${readingAt(0)}${empty(8_000_000)}`, 'application/x-ndjson')).code).toBe(413);
});

test('Idempotency-Key: the same request again is answered the same and recorded once', async () => {
  await using running = await collecting();
  const url = `${running.http}/api/v1/readings`;
  const key = { 'idempotency-key': 'batch-1' };
  const body = `[${readingAt(0)}, {"id": "a"}]`;
  const answers = await Promise.all([1, 2, 3].map(() => post(url, body, undefined, key)));
  for (const answer of answers)
    expect(answer).toMatchObject({ code: 202, body: { recorded: 1, rejected: 1 } });
  expect((await post(url, readingAt(1), undefined, key)).code).toBe(422);
  expect((await post(url, readingAt(1), undefined, { 'idempotency-key': 'x'.repeat(256) })).code).toBe(400);
  expect(await running.recorded()).toBe(1);
  expect(running.collector.progress).toMatchObject({ received: 2, recorded: 1, rejected: 1 });
});

test('a disk that takes no writes: 503 with Retry-After, nothing is recorded, and the same key may try again', async () => {
  await using running = await collecting();
  const url = `${running.http}/api/v1/readings`;
  const key = { 'idempotency-key': 'batch-1' };
  await rm(join(running.dataDir, 'raw'), { recursive: true });
  for (let time = 0; time < 2; time++) {
    const answer = await post(url, readingAt(0), undefined, key);
    expect([answer.code, answer.headers.get('retry-after')]).toEqual([503, '5']);
  }
  await mkdir(join(running.dataDir, 'raw'));
  await eventually(async () => expect((await post(url, readingAt(0), undefined, key)).code).toBe(202));
  expect(await running.recorded()).toBe(1);
});

test('more is recorded and not loaded than HTTP_MAX_BACKLOG_MB: 503 with Retry-After', async () => {
  await using running = await collecting({ HTTP_MAX_BACKLOG_MB: '1' });
  const url = `${running.http}/api/v1/readings`;
  const full = `[${Array.from({ length: 9000 }, (_, n) => readingAt(n, 'Sensor 1', `${'9'.repeat(100)}`.length))}]`;
  const last = await eventually(async () => {
    const answer = await post(url, full);
    expect(answer.code).toBe(503);
    return answer;
  });
  expect(last.headers.get('retry-after')).toBe('30');
  expect(last.body.message).toContain('HTTP_MAX_BACKLOG_MB');
});

test('a sender that goes away in the middle leaves nothing behind', async () => {
  await using running = await collecting();
  const { port } = new URL(running.http);
  const sender = request({
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/api/v1/readings',
    headers: { 'content-type': 'application/json', 'content-length': '500' },
  });
  sender.on('error', () => undefined);
  sender.write(readingAt(0));
  await eventually(() => expect(sender.socket?.bytesWritten).toBeGreaterThan(100));
  sender.destroy();
  expect((await post(`${running.http}/api/v1/readings`, readingAt(1))).code).toBe(202);
  expect(await running.recorded()).toBe(1);
});
