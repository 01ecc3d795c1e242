import { expect, test } from 'vitest';
import { writeEnvelope } from '../../../collector/payload/envelope.ts';
import { readTopics } from '../../../collector/payload/topics-file.ts';
import { type Pipeline, withPipeline } from '../verify/pipeline.ts';

const FILE = '2025-11-12_@shellies%2F1.jsonl';
const topicsOf = (values: string) =>
  readTopics(
    `topics: [{ filter: "shellies/{device}", format: json, sensor: "{device}/{path}", ${values} }]`,
    {
      zone: 'UTC',
    },
  );

/** Messages of a device, a second apart. */
const messages = (...payloads: string[]) =>
  payloads
    .map(
      (payload, index) =>
        `${writeEnvelope({
          arrival: (Date.UTC(2025, 10, 12, 10, 15) + index * 1000) * 1000,
          topic: 'shellies/1',
          payload: Buffer.from(payload),
        })}\n`,
    )
    .join('');

const sensors = (pipeline: Pipeline) =>
  pipeline.database.query(
    'SELECT sensor_id, count(*)::int AS n FROM silver.sensor_reading GROUP BY 1 ORDER BY 1',
  );
const ledger = (pipeline: Pipeline) =>
  pipeline.database.query(
    'SELECT lines::int, understood::int, rejected::int, empty::int, readings::int, stored::int, refused::int FROM bronze.raw_file',
  );

test('a replay after a changed topics file stores what is newly found, and verify calls the change no loss', async () => {
  await withPipeline(async pipeline => {
    pipeline.topics = topicsOf('values: [temp]');
    pipeline.write(
      FILE,
      messages('{"temp": 20, "hum": 40}', '{"temp": 21, "hum": 41}', '{"online": true}', 'torn'),
    );
    await pipeline.load();
    await pipeline.refresh();
    expect(await sensors(pipeline)).toEqual([{ sensor_id: '1/temp', n: 2 }]);
    expect(await ledger(pipeline)).toEqual([
      expect.objectContaining({ lines: 4, understood: 2, readings: 2, stored: 2, refused: 0 }),
    ]);
    expect(await pipeline.verify()).toMatchObject({ ok: true, remapped: 0 });

    pipeline.topics = topicsOf('values: [temp, hum]');
    expect(await pipeline.verify()).toMatchObject({ ok: true, remapped: 1 });
    const { rows } = await pipeline.replay();
    expect(rows).toMatchObject([{ file: FILE, lines: 4, stored: 2 }]);
    await pipeline.refresh();
    expect(await sensors(pipeline)).toEqual([
      { sensor_id: '1/hum', n: 2 },
      { sensor_id: '1/temp', n: 2 },
    ]);
    expect(await ledger(pipeline)).toEqual([
      expect.objectContaining({ lines: 4, understood: 2, readings: 4, stored: 4 }),
    ]);
    expect(await pipeline.verify()).toMatchObject({ ok: true, remapped: 0 });
    expect((await pipeline.replay()).rows).toMatchObject([{ stored: 0 }]);
    expect(await pipeline.verify()).toMatchObject({ ok: true });
  });
});

test('sensors of topics are registered with what their messages say; a person keeps the last word', async () => {
  await withPipeline(async pipeline => {
    await pipeline.database.query(
      "INSERT INTO silver.sensor (sensor_id, quantity, unit, max_value) VALUES ('1/hum', 'humidity', 'percent', 40)",
    );
    pipeline.topics = topicsOf('values: { temp: { unit: "°C" }, hum: { unit: "%" } }');
    pipeline.write(FILE, messages('{"temp": 20, "hum": 40}', '{"temp": 21, "hum": 41}'));
    await pipeline.load();
    const registered = await pipeline.database.query(
      "SELECT sensor_id, unit, topic, registered_by FROM silver.sensor WHERE sensor_id LIKE '1/%' ORDER BY 1",
    );
    expect(registered).toEqual([
      { sensor_id: '1/hum', unit: 'percent', topic: 'shellies/1', registered_by: 'person' },
      { sensor_id: '1/temp', unit: '°C', topic: 'shellies/1', registered_by: 'topics' },
    ]);
    expect(
      await pipeline.database.query('SELECT sensor_id, quality FROM silver.sensor_reading ORDER BY 1, time'),
    ).toEqual([
      { sensor_id: '1/hum', quality: 'valid' },
      { sensor_id: '1/hum', quality: 'out_of_range' },
      { sensor_id: '1/temp', quality: 'valid' },
      { sensor_id: '1/temp', quality: 'valid' },
    ]);
    expect(await pipeline.verify()).toMatchObject({ ok: true });
  });
});
