import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withDatabase } from '../../../harness/database.ts';
import { eventually } from '../../../harness/eventually.ts';
import { linesIn } from '../../../harness/pipeline.ts';
import { collecting, post } from '../../serve/collecting.ts';

const pump = (second: number, measurements: object) => ({
  equipment_id: 'PUMP-A1-001',
  timestamp: `2025-11-12T10:15:0${second}Z`,
  measurements,
});

test('a reading of equipment becomes a reading of a sensor for each measurement', async () => {
  await using running = await collecting();
  const url = `${running.http}/api/v1/sensors/ingest`;
  const body = JSON.stringify(pump(1, { temperature: 72.5, pressure: 3 }));
  expect(await post(url, body, undefined, { 'x-request-id': 'r-1' })).toMatchObject({
    code: 202,
    body: { status: 'accepted', request_id: 'r-1', received: 2, recorded: 2, rejected: 0, errors: [] },
  });
  const flat = { equipment_id: 'PUMP-A1-001', timestamp: '2025-11-12T10:15:02Z', temperature: 73, unit: 'C' };
  expect(await post(url, JSON.stringify(flat))).toMatchObject({ code: 202, body: { recorded: 1 } });
  expect(await linesIn(join(running.dataDir, 'raw'))).toEqual(
    new Map([
      [
        '2025-11-12_PUMP-A1-001%2Fpressure.jsonl',
        ['{"id": "PUMP-A1-001/pressure", "dt": "2025-11-12T10:15:01Z", "value": 3}'],
      ],
      [
        '2025-11-12_PUMP-A1-001%2Ftemperature.jsonl',
        [
          '{"id": "PUMP-A1-001/temperature", "dt": "2025-11-12T10:15:01Z", "value": 72.5}',
          '{"id": "PUMP-A1-001/temperature", "dt": "2025-11-12T10:15:02Z", "value": 73}',
        ],
      ],
    ]),
  );
});

test('the latest of equipment is that of each of its measurements', async () => {
  await withDatabase(async database => {
    await using running = await collecting({ DATABASE_URL: database.url });
    const url = `${running.http}/api/v1/sensors`;
    const batch = [1, 2].map(second => pump(second, { temperature: 70 + second, pressure: 3 }));
    const body = JSON.stringify(batch);
    expect((await post(`${url}/ingest/batch`, body)).code).toBe(202);
    const latest = async (id: string) => (await fetch(`${url}/${id}/latest`)).json();
    const expected = [
      { sensor_id: 'PUMP-A1-001/pressure', time: '2025-11-12T10:15:02Z', value: 3 },
      { sensor_id: 'PUMP-A1-001/temperature', time: '2025-11-12T10:15:02Z', value: 72 },
    ];
    await eventually(async () => expect(await latest('PUMP-A1-001')).toMatchObject(expected));
    expect(await latest('PUMP-A1-001%2Fpressure')).toHaveLength(1);
    expect((await fetch(`${url}/PUMP-A1-00/latest`)).status).toBe(404);
  });
});

test('what is wrong is named by its place, and the rest is recorded', async () => {
  await using running = await collecting();
  const url = `${running.http}/api/v1/sensors/ingest/batch`;
  const batch = [
    pump(1, { temperature: 72, note: 'hot', deep: [[[]]] }),
    { ...pump(2, { temperature: 72 }), equipment_id: 'pump' },
    { ...pump(3, { temperature: 72 }), timestamp: 'yesterday' },
    { ...pump(4, { temperature: 72 }), timestamp: undefined },
    pump(5, {}),
    'pump',
  ];
  const answer = await post(url, JSON.stringify(batch));
  expect(answer).toMatchObject({ code: 202, body: { received: 8, recorded: 1, rejected: 7 } });
  expect(answer.body.errors).toEqual([
    { item: 1, reason: 'value is not a number' },
    { item: 1, reason: 'value is not a number' },
    { item: 2, reason: 'equipment_id is not of the form that EQUIPMENT_ID_PATTERN asks for' },
    { item: 3, reason: expect.stringMatching(/^dt /) },
    { item: 4, reason: 'timestamp is missing' },
    { item: 5, reason: 'no measurement' },
    { item: 6, reason: 'not a JSON object' },
  ]);
  expect(await post(url, JSON.stringify({ readings: [pump(6, { temperature: 1 })] }))).toMatchObject({
    code: 202,
    body: { recorded: 1 },
  });
  const many = Array.from({ length: 101 }, () => pump(7, { temperature: 1 }));
  expect((await post(url, JSON.stringify(many))).code).toBe(413);
  expect((await post(url, '[]')).code).toBe(400);
  expect((await post(url, '{')).code).toBe(400);
  expect((await post(url, JSON.stringify([pump(8, {})]))).code).toBe(400);
  expect((await post(`${running.http}/api/v1/sensors/ingest`, 'null')).code).toBe(400);
  const { received, recorded, rejected } = running.collector.progress;
  expect([recorded, received]).toEqual([2, recorded + rejected]);
});

test('the form of ids is a setting', async () => {
  await using running = await collecting({ EQUIPMENT_ID_PATTERN: '^M\\d+$' });
  const url = `${running.http}/api/v1/sensors/ingest`;
  const reading = { equipment_id: 'M7', timestamp: '2025-11-12T10:15:02Z', measurements: { a: 1 } };
  expect((await post(url, JSON.stringify(reading))).code).toBe(202);
  expect((await post(url, JSON.stringify(pump(1, { a: 1 })))).code).toBe(400);
});

test('for programs, / says what this is, and for browsers it is the page', async () => {
  await using running = await collecting();
  const info = await fetch(running.http);
  expect(await info.json()).toMatchObject({
    service: 'sluice',
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    status: 'running',
    links: { openapi: 'openapi.json', ready: 'health/ready' },
  });
  for (const path of Object.values<string>({ a: 'openapi.json', b: 'health/ready' })) {
    expect((await fetch(new URL(path, running.http))).status).toBe(200);
  }
  const page = await fetch(running.http, {
    headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' },
  });
  expect(page.headers.get('content-type')).toMatch(/^text\/html/);
});
