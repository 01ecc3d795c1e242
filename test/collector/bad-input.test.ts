import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { brokers } from '../harness/broker.ts';
import { databaseServers } from '../harness/database.ts';
import { eventually } from '../harness/eventually.ts';
import { payloadOf, publish } from '../harness/mqtt.ts';
import {
  countLines,
  ledgerOf,
  linesIn,
  loaded,
  receiving,
  startCollector,
  withSurroundings,
} from '../harness/pipeline.ts';

const DT = '2025-11-12T10:15:01.000Z';
const soon = new Date(Date.now() + 25 * 3600 * 1000).toISOString();

/** What cannot be recorded, and why. */
const rejected: [payload: string | Buffer, reason: string][] = [
  ['gibberish', 'not JSON'],
  ['', 'empty'],
  [`{"id":"a","dt":"${DT}","value":1}\0}`, 'not JSON'],
  ['[1, 2]', 'not a JSON object'],
  ['25.5', 'not a JSON object'],
  [JSON.stringify({ dt: DT, value: 1 }), 'id is missing'],
  [JSON.stringify({ id: 'a', value: 1 }), 'dt is missing'],
  [payloadOf('x'.repeat(51), DT, 1), 'id is not 1 to 50 characters long'],
  [payloadOf('a\u0007b', DT, 1), 'id holds a control character'],
  [payloadOf('a\0b', DT, 1), 'id holds a control character'],
  [`{"id":"\\ud800","dt":"${DT}","value":1}`, 'id holds half a surrogate pair'],
  [payloadOf('a', 'tomorrow', 1), 'dt is not an ISO 8601 date and time'],
  [payloadOf('a', '2025-02-30T00:00:00Z', 1), 'dt is not an ISO 8601 date and time'],
  [payloadOf('a', '1999-12-31T23:59:59Z', 1), 'dt is before 2000'],
  [payloadOf('a', soon, 1), 'dt is more than a day ahead'],
  [JSON.stringify({ id: 'a', dt: DT, value: 1, text: 'x'.repeat(256 * 1024) }), 'larger than 262144 bytes'],
  [Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), 'not UTF-8'],
];

/** What is recorded, and cannot be stored. */
const unstorable: [payload: string, reason: string][] = [
  [JSON.stringify({ id: 'a', dt: DT }), 'value is missing'],
  [payloadOf('a', DT, '25'), 'value is not a number'],
  [payloadOf('a', DT, null), 'value is not a number'],
  [`{"id":"a","dt":"${DT}","value":1e400}`, 'value is not a finite number'],
  [`{"id":"a","dt":"${DT}","text":"\\u0000\\ud800\\t\\\\","value":{}}`, 'value is not a number'],
];

/** Odd, but readings. */
const ids = [
  '../../etc/passwd',
  'CON',
  'Sensor 1',
  'Sensor_1',
  '..',
  '/',
  'a\\N\\.b',
  `"';--`,
  '%00',
  'ü🌡',
  '__proto__',
];
const stored = [
  ...ids.map((id, n) => payloadOf(id, DT, n)),
  `{"id":"odd","dt":"${DT}","value":5e-324,"text":"\\u0000\\ud800"}`,
  `{"id":"odd","dt":"2025-11-12T10:15:02Z","value":-1.7976931348623157e308}`,
  `\r\n{"id":"odd",\r\n\t"dt":"2025-11-12T10:15:03Z",\n"value":7}\n`,
];

const server = databaseServers().at(-1)!;

describe.for(brokers)('on $name', ({ start, missing }) => {
  test.skipIf(missing)('whatever is sent is accounted for, and nothing comes twice', () =>
    withSurroundings(server, start, async ({ broker, database, dataDir, config }) => {
      // Messages from the future cast doubt on the clock, which is noted; nothing else appears.
      const folders = async () =>
        (await Promise.all([dirname(dataDir), dataDir].map(path => readdir(path)))).map(names =>
          names.filter(name => name !== 'clock_wrong.json'),
        );
      const first = await startCollector(config);
      await receiving(first.http);
      const before = await folders();
      const sent = [
        ...rejected.map(([payload]) => payload),
        ...unstorable.map(([payload]) => payload),
        ...stored,
      ];
      await publish(broker.url, sent);
      await eventually(() => expect(first.collector.progress.received).toBe(sent.length));
      await eventually(async () => {
        const lines = await Promise.all(['raw', 'rejected'].map(name => countLines(join(dataDir, name))));
        expect(lines).toEqual([unstorable.length + stored.length, rejected.length]);
      });
      await loaded(database, unstorable.length + stored.length);
      expect(first.collector.progress).toMatchObject({
        recorded: unstorable.length + stored.length,
        rejected: rejected.length,
      });
      expect(await folders()).toEqual(before);
      await first.collector.stop();

      const kept = [...(await linesIn(join(dataDir, 'rejected'))).values()]
        .flat()
        .map(line => JSON.parse(line));
      expect(kept.map(({ reason }) => reason)).toEqual(rejected.map(([, reason]) => reason));
      for (const [index, { payload, payload_base64, topic }] of kept.entries()) {
        const bytes = payload === undefined ? Buffer.from(payload_base64, 'base64') : Buffer.from(payload);
        expect(bytes.equals(Buffer.from(rejected[index]![0]))).toBe(true);
        expect(topic).toBe('sensors/test');
      }

      expect((await readdir(join(dataDir, 'raw'))).sort()).toEqual(
        expect.arrayContaining(['2025-11-12_Sensor%5F1.jsonl', '2025-11-12_Sensor_1.jsonl']),
      );
      expect(await ledgerOf(database)).toEqual({
        lines: unstorable.length + stored.length,
        stored: stored.length,
        duplicates: 0,
        conflicts: 0,
        rejected: unstorable.length,
      });
      const lines = await database.query(
        'SELECT reason, line FROM silver.rejected_line ORDER BY byte_offset',
      );
      expect(lines).toEqual(unstorable.map(([line, reason]) => ({ reason, line })));
      const rows = await database.query(
        'SELECT sensor_id, value FROM silver.sensor_reading ORDER BY time, value',
      );
      expect(rows).toHaveLength(stored.length);
      expect(rows).toEqual(
        expect.arrayContaining([
          ...ids.map((sensor_id, value) => ({ sensor_id, value })),
          { sensor_id: 'odd', value: 5e-324 },
          { sensor_id: 'odd', value: -1.7976931348623157e308 },
          { sensor_id: 'odd', value: 7 },
        ]),
      );

      // All of it was acknowledged: the next collector gets what is new, and nothing else.
      await using second = await startCollector(config);
      await publish(broker.url, [payloadOf('a', DT, 1)]);
      await eventually(() => expect(second.collector.progress.recorded).toBe(1));
      expect(second.collector.progress.received).toBe(1);
    }),
  );
});
