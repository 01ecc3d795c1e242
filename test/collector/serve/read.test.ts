import { afterAll, beforeAll, expect, test } from 'vitest';
import { newDatabase, type TestDatabase } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { loaded, refresh } from '../../harness/pipeline.ts';
import { type Collecting, collecting, post } from './collecting.ts';

let database: TestDatabase;
let running: Collecting;

async function get(
  path: string,
  headers: Record<string, string> = {},
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it asks for.
): Promise<{ code: number; headers: Headers; body: any }> {
  const response = await fetch(`${running.http}${path}`, { headers });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('application/json');
  return {
    code: response.status,
    headers: response.headers,
    body: isJson && text !== '' ? JSON.parse(text) : text,
  };
}

const noon = (day: string) => Date.parse(`${day}T12:00:00Z`) / 1000;
// In the order of time, so that none of them is late.
const lines = [
  ...[1, 2, 3].flatMap(n => [
    `${noon('2022-04-14') + n} Voltage ${100 + n}`,
    `${noon('2022-04-14') + n} Current ${n / 2}`,
  ]),
  `${noon('2022-04-15')} Current 2`,
  // Out of its range, so in no mean.
  `${noon('2022-04-15')} Voltage 5000`,
  ...[1, 2, 3].map(n => `${noon('2022-04-15') + n}.5 Voltage ${200 + n}`),
  `${noon('2022-04-16')} Voltage 230`,
  `${noon('2022-04-17')} Hall 2 "north" 1e-7`,
];

beforeAll(async () => {
  database = await newDatabase();
  running = await collecting({ DATABASE_URL: database.url });
  expect((await post(`${running.http}/data`, lines.join('\n'), 'text/plain')).code).toBe(200);
  await loaded(database, lines.length);
  await refresh(database);
});

afterAll(async () => {
  await running[Symbol.asyncDispose]();
  await database.drop();
});

test('GET /data: the readings of the days in the order of time, and behind each day its power', async () => {
  const { code, headers, body } = await get('/data?from=2022-04-14&to=2022-04-15');
  expect([code, headers.get('content-type')]).toEqual([200, 'application/json']);
  expect(body).toEqual([
    ...[1, 2, 3].flatMap(n => [
      { time: `2022-04-14T12:00:0${n}Z`, name: 'Current', value: n / 2 },
      { time: `2022-04-14T12:00:0${n}Z`, name: 'Voltage', value: 100 + n },
    ]),
    { time: '2022-04-14', name: 'Power', value: 102 * 1 },
    { time: '2022-04-15T12:00:00Z', name: 'Current', value: 2 },
    { time: '2022-04-15T12:00:00Z', name: 'Voltage', value: 5000 },
    ...[1, 2, 3].map(n => ({ time: `2022-04-15T12:00:0${n}.5Z`, name: 'Voltage', value: 200 + n })),
    { time: '2022-04-15', name: 'Power', value: 202 * 2 },
  ]);
});

test('GET /data: a day without current has no power; names are JSON; a day without readings is nothing', async () => {
  expect((await get('/data?from=2022-04-16&to=2022-04-30')).body).toEqual([
    { time: '2022-04-16T12:00:00Z', name: 'Voltage', value: 230 },
    { time: '2022-04-17T12:00:00Z', name: 'Hall 2 "north"', value: 1e-7 },
  ]);
  expect((await get('/data?from=2020-01-01&to=2020-12-31')).body).toEqual([]);
});

test('GET /data: of a part of a day, the power is that of the day', async () => {
  expect((await get('/data?from=2022-04-14T12:00:03Z&to=2022-04-14T15:00:00%2B02:00')).body).toEqual([
    { time: '2022-04-14T12:00:03Z', name: 'Current', value: 1.5 },
    { time: '2022-04-14T12:00:03Z', name: 'Voltage', value: 103 },
    { time: '2022-04-14', name: 'Power', value: 102 },
  ]);
});

test('GET /data: what is no time is refused, with what was expected', async () => {
  for (const query of [
    '',
    '?from=2022-04-14',
    '?from=2022-04-14&to=tomorrow',
    '?from=2022-04-15&to=2022-04-14',
  ]) {
    expect(await get(`/data${query}`)).toMatchObject({
      code: 400,
      body: { message: expect.stringMatching(/^query (?:from|to): /) },
    });
  }
});

test('sensors: what is registered, and what has sent something; in pages, with an ETag', async () => {
  const { body, headers } = await get('/api/v1/sensors');
  expect(body.map((sensor: { sensor_id: string }) => sensor.sensor_id)).toEqual(
    expect.arrayContaining(['Voltage', 'Sensor 1', 'Hall 2 "north"']),
  );
  const find = (id: string) => body.find((sensor: { sensor_id: string }) => sensor.sensor_id === id);
  expect(find('Voltage')).toMatchObject({
    registered: true,
    quantity: 'voltage',
    unit: 'V',
    max_value: 400,
    latest: { time: '2022-04-16T12:00:00Z', value: 230, quality: 'valid' },
  });
  expect(find('Sensor 1')).toMatchObject({ expected_interval_s: 1, latest: null });
  expect(find('Hall 2 "north"')).toMatchObject({
    registered: false,
    unit: null,
    latest: { quality: 'unknown_sensor' },
  });

  const etag = headers.get('etag')!;
  expect((await get('/api/v1/sensors', { 'if-none-match': etag })).code).toBe(304);
  const pages = [];
  for (let path: string | undefined = '/api/v1/sensors?limit=3'; path; ) {
    const page = await get(path);
    pages.push(page.body);
    path = nextOf(path, page.headers);
  }
  expect(pages.length).toBeGreaterThan(2);
  expect(pages.flat()).toEqual(body);
});

test('latest: newest first', async () => {
  expect((await get('/api/v1/sensors/Voltage/latest')).body).toEqual([
    {
      time: '2022-04-16T12:00:00Z',
      sensor_id: 'Voltage',
      value: 230,
      quality: 'valid',
      late: false,
      stuck: false,
      jump: false,
      inexact: false,
    },
  ]);
  const { body } = await get('/api/v1/sensors/Voltage/latest?limit=3');
  expect(body.map(({ value }: { value: number }) => value)).toEqual([230, 203, 202]);
  expect((await get(`/api/v1/sensors/${encodeURIComponent('Hall 2 "north"')}/latest`)).body).toHaveLength(1);
  // Registered, and silent so far.
  expect((await get('/api/v1/sensors/Sensor%201/latest')).body).toEqual([]);
  for (const limit of ['0', '1001', 'x', '']) {
    expect((await get(`/api/v1/sensors/Voltage/latest?limit=${limit}`)).code).toBe(400);
  }
});

test('a sensor that nobody knows: 404 with the nearest names', async () => {
  for (const route of ['latest', 'readings', 'means']) {
    expect(await get(`/api/v1/sensors/Voltag/${route}`)).toMatchObject({
      code: 404,
      body: { message: 'There is no sensor "Voltag". Did you mean "Voltage"?', near: ['Voltage'] },
    });
  }
  for (const id of ['%F0%9F%98%80'.repeat(50), '%2F..%2F']) {
    expect((await get(`/api/v1/sensors/${id}/readings`)).code).toBe(404);
  }
});

test('PostgreSQL takes no NUL, so neither do we', async () => {
  for (const path of [
    'sensors?after=%00',
    'sensors/%00/latest',
    'sensors/Voltage%00/readings',
    'quality?after=%00',
  ]) {
    expect(await get(`/api/v1/${path}`)).toMatchObject({
      code: 400,
      body: { message: expect.stringContaining('must not hold a NUL character') },
    });
  }
});

test('readings: as NDJSON, JSON and CSV, by Accept', async () => {
  const path = '/api/v1/sensors/Voltage/readings?from=2022-04-14&to=2022-04-14';
  const rows = [1, 2, 3].map(n => ({
    time: `2022-04-14T12:00:0${n}Z`,
    sensor_id: 'Voltage',
    value: 100 + n,
    quality: 'valid',
    late: false,
    stuck: false,
    jump: false,
    inexact: false,
  }));
  const ndjson = await get(path);
  expect(ndjson.headers.get('content-type')).toBe('application/x-ndjson');
  expect(ndjson.body).toBe(rows.map(row => `${JSON.stringify(row)}\n`).join(''));
  expect((await get(path, { accept: 'application/json' })).body).toEqual(rows);
  const csv = await get(path, { accept: 'text/csv' });
  expect(csv.headers.get('content-type')).toMatch(/^text\/csv/);
  expect(csv.body).toBe(
    `time,sensor_id,value,quality,late,stuck,jump,inexact\n${rows.map(({ time, value }) => `${time},Voltage,${value},valid,false,false,false,false\n`).join('')}`,
  );
  expect((await get(path, { accept: 'image/png' })).code).toBe(406);
});

test('readings: page after page, each reading once, and a late one where it belongs', async () => {
  const values: number[] = [];
  let path: string | undefined = '/api/v1/sensors/Voltage/readings?limit=2';
  for (let page = 0; path; page++) {
    const { body, headers } = await get(path, { accept: 'application/json' });
    values.push(...body.map(({ value }: { value: number }) => value));
    path = nextOf(path, headers);
    if (page === 0) expect(body).toHaveLength(2);
  }
  expect(values).toEqual([101, 102, 103, 5000, 201, 202, 203, 230]);
  for (const cursor of ['x', 'MjAy', '%00']) {
    expect((await get(`/api/v1/sensors/Voltage/readings?cursor=${cursor}`)).code).toBe(400);
  }
});

test.each([
  ['1m', '2022-04-14T12:00:00Z'],
  ['1h', '2022-04-14T12:00:00Z'],
  ['1d', '2022-04-14T00:00:00Z'],
])('means every %s', async (every, time) => {
  const path = `/api/v1/sensors/Voltage/means?every=${every}&from=2022-04-14&to=2022-04-14`;
  await eventually(async () =>
    expect((await get(path)).body).toEqual([
      { bucket: time, sensor_id: 'Voltage', val_mean: 102, val_min: 101, val_max: 103, n: 3 },
    ]),
  );
  expect((await get(path, { accept: 'text/csv' })).body).toBe(
    `bucket,sensor_id,val_mean,val_min,val_max,n\n${time},Voltage,102,101,103,3\n`,
  );
  expect((await get('/api/v1/sensors/Voltage/means?every=2m')).code).toBe(400);
});

test('quality of a sensor, day by day', async () => {
  const { code, body } = await get('/api/v1/sensors/Voltage/quality?from=2022-04-15&to=2022-04-16');
  expect([code, body]).toMatchObject([
    200,
    [
      { sensor_id: 'Voltage', date: '2022-04-15', received: 4, valid: 3, out_of_range: 1, score: 75 },
      { sensor_id: 'Voltage', date: '2022-04-16', received: 1, valid: 1, score: 100, verdict: 'good' },
    ],
  ]);
  expect((await get('/api/v1/sensors/Voltag/quality?from=2022-04-15&to=2022-04-16')).code).toBe(404);
  expect((await get('/api/v1/sensors/Voltage/quality?from=2022-04-16&to=2022-04-15')).code).toBe(400);
});

test('quality of some days, sensor by sensor, page after page', async () => {
  const sensors = [];
  let path: string | undefined = '/api/v1/quality/days?from=2022-04-14&to=2022-04-16&limit=2';
  while (path) {
    const { code, body, headers } = await get(path);
    expect([code, body.days]).toEqual([200, ['2022-04-14', '2022-04-15', '2022-04-16']]);
    expect(body.sensors.length).toBeLessThanOrEqual(2);
    sensors.push(...body.sensors);
    path = nextOf(path, headers);
  }
  // Of the second day one of four is out of range.
  expect(sensors).toContainEqual({ sensor_id: 'Voltage', scores: [100, 75, 100] });
  expect(sensors).toContainEqual({ sensor_id: 'Current', scores: [100, 100, null] });
  for (const query of ['from=2022-04-14&to=2022-04-13', 'from=2022-01-01&to=2022-04-03', 'from=2022-04-14']) {
    expect([query, (await get(`/api/v1/quality/days?${query}`)).code]).toEqual([query, 400]);
  }
});

test('quality of a day', async () => {
  const { body } = await get('/api/v1/quality?date=2022-04-15');
  expect(body.find((row: { sensor_id: string }) => row.sensor_id === 'Voltage')).toMatchObject({
    date: '2022-04-15',
    received: 4,
    valid: 3,
    out_of_range: 1,
    score: 75,
    verdict: 'critical',
  });
  expect((await get('/api/v1/quality?date=2021-01-01')).body).toEqual([]);
  expect((await get('/api/v1/quality')).code).toBe(200);
  expect((await get('/api/v1/quality?date=yesterday')).code).toBe(400);
});

test('answers are compressed for those who can read that', async () => {
  for (const encoding of ['gzip', 'br']) {
    const { headers, body } = await get('/data?from=2022-04-14&to=2022-04-15', {
      'accept-encoding': encoding,
    });
    expect(headers.get('content-encoding')).toBe(encoding);
    expect(body).toHaveLength(13);
  }
  expect(
    (await get('/data?from=2022-04-14&to=2022-04-15', { 'accept-encoding': 'identity' })).headers.get(
      'content-encoding',
    ),
  ).toBeNull();
});

/** The page after the one at `path`, by its header Link, which is relative to it. */
function nextOf(path: string, headers: Headers): string | undefined {
  const next = /<(.*)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];
  if (next === undefined) return undefined;
  // A proxy may serve us below any prefix.
  expect(next).toMatch(/^\?/);
  return path.replace(/\?.*/, '') + next;
}
