import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { afterEach, expect, test } from 'vitest';
import { zoneOf } from '../../../base/time.ts';
import { RawFileName } from '../../../collector/bronze/raw-file-name.ts';
import type { MinuteMean } from '../../../collector/gold/minute-mean.ts';
import { writeEnvelope } from '../../../collector/payload/envelope.ts';
import { defaultTopics } from '../../../collector/payload/topics.ts';
import { readTopics } from '../../../collector/payload/topics-file.ts';
import { EventQueue } from '../../../collector/serve/event-queue.ts';
import { LiveJudge } from '../../../collector/serve/live-judge.ts';
import { type DurableLines, LiveStream } from '../../../collector/serve/live-stream.ts';

const stream = new LiveStream(defaultTopics(['sensors/#'], zoneOf('UTC')), new LiveJudge(5));
afterEach(() => stream.stop());

function lines(sensor: string, values: number[]): [string, { bytes: Buffer; count: number }] {
  const text = values.map(v => `{"id": "${sensor}", "dt": "2025-11-12T10:15:01Z", "value": ${v}}\n`).join('');
  const file = `raw/2025-11-12_${sensor.replace(' ', '_')}.jsonl`;
  return [file, { bytes: Buffer.from(text), count: values.length }];
}

/** What a client reads, event by event, comments left out. */
async function* events(
  client: PassThrough,
): AsyncGenerator<{ event: string; data: Record<string, unknown> }> {
  let text = '';
  for await (const chunk of client) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
      text = text.slice(end + 2);
      if (event !== undefined) yield { event, data: JSON.parse(data!) };
    }
  }
}

async function next(client: AsyncGenerator<{ event: string; data: Record<string, unknown> }>) {
  return (await client.next()).value;
}

test('a client is told of each reading and mean, with the sensor, the time and the value', async () => {
  const out = new PassThrough();
  stream.join(out);
  const heard = events(out);
  stream.readings(new Map([lines('Sensor 1', [20.5])]));
  expect(await next(heard)).toEqual({
    event: 'reading',
    data: {
      sensor_id: 'Sensor 1',
      time: expect.stringMatching(/^2025-11-12T10:15:01(\.0+)?Z$/),
      value: 20.5,
      quality: null,
      late: false,
      jump: false,
    },
  });
  const mean = {
    bucket: '2025-11-12T10:15:00Z',
    sensor_id: 'Sensor 1',
    val_mean: 20,
    val_min: 19,
    val_max: 21,
    n: 60,
  };
  stream.means([mean]);
  expect(await next(heard)).toEqual({ event: 'mean', data: mean });
});

test('?sensor= is told of that sensor only, also where the name of another ends like it', async () => {
  const out = new PassThrough();
  stream.join(out, '1');
  const heard = events(out);
  stream.readings(new Map([lines('Sensor 1', [5]), lines('1', [7])]));
  expect((await next(heard))!.data.value).toBe(7);
});

test('a line that is no reading of the loader is left out, a rejected message too', async () => {
  const out = new PassThrough();
  stream.join(out);
  const heard = events(out);
  const files: DurableLines = new Map([
    ['rejected/2025-11-12.jsonl', { bytes: Buffer.from('{"reason": "not JSON"}\n'), count: 1 }],
    ['raw/2025-11-12_x.late', { bytes: Buffer.from('{"from": 0}\n'), count: 1 }],
    lines('Sensor 2', [1]),
  ]);
  stream.readings(files);
  expect((await next(heard))!.data.sensor_id).toBe('Sensor 2');
});

test('a client that does not read loses events and is told how many; the others lose none', async () => {
  const slow = new PassThrough({ highWaterMark: 1 });
  const quick = new PassThrough();
  stream.join(slow);
  stream.join(quick);
  const heard = events(quick);
  const total = 12_500;
  let received = 0;
  for (let sent = 0; sent < total; sent += 2500) {
    stream.readings(
      new Map([
        lines(
          'Sensor 1',
          Array.from({ length: 2500 }, (_, i) => sent + i),
        ),
      ]),
    );
    while (received < sent + 2500) {
      expect(await next(heard)).toMatchObject({ event: 'reading', data: { value: received } });
      received++;
    }
  }
  let got = 0;
  let lost = 0;
  for await (const { event, data } of events(slow)) {
    if (event === 'reading') got++;
    else lost += data.count as number;
    if (got + lost === total) break;
  }
  expect(lost).toBeGreaterThan(0);
  expect(got).toBeGreaterThan(0);
});

test('a client that goes away is forgotten', async () => {
  const out = new PassThrough();
  stream.join(out);
  expect(stream.clients).toBe(1);
  out.destroy();
  await once(out, 'close');
  expect(stream.clients).toBe(0);
});

test('a queue keeps its order and says where events are missing', () => {
  const queue = new EventQueue(2);
  for (const data of ['1', '2', '3', '4']) queue.add({ event: 'reading', data });
  expect(queue.take()).toBe(
    'event: reading\ndata: 1\n\nevent: reading\ndata: 2\n\nevent: lost\ndata: {"count":2}\n\n',
  );
  queue.add({ event: 'reading', data: '5' });
  expect(queue.take()).toBe('event: reading\ndata: 5\n\n');
});

test('a value that is not a number is not shown, whatever it is: nested 10,000 deep it ends nothing', async () => {
  const out = new PassThrough();
  stream.join(out);
  const heard = events(out);
  const deep = `{"id": "Sensor 1", "dt": "2025-11-12T10:15:01Z", "value": ${'['.repeat(10_000)}${']'.repeat(10_000)}}\n`;
  const text = `${deep}{"id": "Sensor 1", "dt": "2025-11-12T10:15:01Z", "value": "warm"}\n`;
  stream.readings(new Map([['raw/2025-11-12_Sensor_1.jsonl', { bytes: Buffer.from(text), count: 2 }]]));
  stream.readings(new Map([lines('Sensor 1', [7])]));
  expect((await next(heard))!.data.value).toBe(7);
});

/** Means of the last three minutes of some sensors. */
function meansOf(sensors: number, val_mean: number): MinuteMean[] {
  return Array.from({ length: 3 * sensors }, (_, at) => ({
    bucket: `2025-11-12T10:1${Math.floor(at / sensors)}:00Z`,
    sensor_id: `Sensor ${at % sensors}`,
    val_mean,
    val_min: 1,
    val_max: 3,
    n: 60,
  }));
}

test('the means of 10,000 sensors reach a client that keeps up, each once; the same again is not sent', async () => {
  const out = new PassThrough();
  stream.join(out);
  const heard = events(out);
  stream.means(meansOf(10_000, 2));
  const keys = new Set<string>();
  while (keys.size < 30_000) {
    const { event, data } = (await next(heard))!;
    expect(event).toBe('mean');
    keys.add(`${data.bucket} ${data.sensor_id}`);
  }
  const again = meansOf(10_000, 2);
  again[29_999]!.val_mean = 2.5;
  stream.means(again);
  expect((await next(heard))!.data).toEqual(again[29_999]);
  stream.readings(new Map([lines('Sensor 1', [7])]));
  expect((await next(heard))!.event).toBe('reading');
});

test('what comes in envelopes is shown too, as the topics file says, and filtered by its sensors', async () => {
  const topics = readTopics(
    'topics:\n  - filter: tele/{device}/temp\n    format: number\n    sensor: "{device}"\n    retained: skip\n',
    { zone: 'UTC' },
  );
  const mixed = new LiveStream(topics, new LiveJudge(5));
  const out = new PassThrough();
  mixed.join(out, 'kitchen');
  const heard = events(out);
  const line = (topic: string, payload: string, retain = false) =>
    writeEnvelope({
      arrival: Date.UTC(2025, 10, 12, 10) * 1000,
      topic,
      payload: Buffer.from(payload),
      retain,
    });
  const bytes = Buffer.concat(
    [
      line('tele/hall/temp', '1'),
      line('tele/kitchen/temp', '2', true),
      line('tele/kitchen/temp', 'warm'),
      line('tele/kitchen/temp', '21.5'),
    ].flatMap(text => [text, Buffer.from('\n')]),
  );
  const { path } = RawFileName.ofMessage('tele/kitchen/temp', Date.UTC(2025, 10, 12, 10) * 1000);
  mixed.readings(new Map([[path, { bytes, count: 4 }]]));
  expect((await next(heard))!.data).toMatchObject({ sensor_id: 'kitchen', value: 21.5 });
  mixed.stop();
});
