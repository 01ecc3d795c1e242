import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Envelope, readEnvelope, writeEnvelope } from '../../../collector/payload/envelope.ts';

const arrival = Date.UTC(2026, 10, 26, 8) * 1000 + 123_456;
const written = (payload: string | Buffer, more: Partial<Envelope> = {}) =>
  writeEnvelope({ arrival, topic: 'a/b', payload: Buffer.from(payload as string), ...more }).toString();
const back = (line: string) => readEnvelope(Buffer.from(line)) as Envelope;

test('a message is a line that says when it came, on which topic, and what it was', () => {
  expect(written('{"a": 1}')).toBe(
    '{"received_at": "2026-11-26T08:00:00.123456Z", "topic": "a/b", "payload": {"a": 1}}',
  );
  const delivery = {
    qos: 1,
    retain: true,
    dup: true,
    packetId: 7,
    session: 's',
    notes: { names: [[1, 'T']] },
  };
  expect(JSON.parse(written('25', delivery))).toEqual({
    received_at: '2026-11-26T08:00:00.123456Z',
    topic: 'a/b',
    qos: 1,
    retain: true,
    dup: true,
    packet_id: 7,
    session: 's',
    notes: { names: [[1, 'T']] },
    payload: 25,
  });
});

test.each([
  ['9007199254740993', '"payload": 9007199254740993}'],
  ['{"n": 1e400, "m": 0.10, "a": 1, "a": 2}', '"payload": {"n": 1e400, "m": 0.10, "a": 1, "a": 2}}'],
  ['{\n  "a":\r\n 1}', '"payload": {   "a":   1}}'],
  ['21.5 °C', '"payload": "21.5 °C"}'],
  ['ON', '"payload": "ON"}'],
  ['"ON"', '"payload": "\\"ON\\""}'],
  [' "ON"', '"payload": " \\"ON\\""}'],
  ['', '"payload": ""}'],
  ['{"a": ', '"payload": "{\\"a\\": "}'],
  ['two\nlines', '"payload": "two\\nlines"}'],
  ['\ufeff{"a": 1}', '"payload": "\ufeff{\\"a\\": 1}"}'],
])('%j is kept as it came', (payload, end) => {
  const line = written(payload);
  expect(line.endsWith(`, ${end}`), line).toBe(true);
  expect(back(line).payload.toString()).toBe(payload.replace(/(?<=\{.*)[\r\n]/gs, ' '));
});

test('bytes that are no text are kept as base64, and so are such as would be six times as long', () => {
  expect(JSON.parse(written(Buffer.from([0xff, 0x00])))).toMatchObject({ payload_base64: '/wA=' });
  expect(JSON.parse(written(Buffer.alloc(1000)))).toHaveProperty('payload_base64');
});

test('whatever comes, a line of it without line breaks gives it back', () => {
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes)),
    fc.string({ unit: 'binary' }).map(text => Buffer.from(text)),
    fc.json().map(text => Buffer.from(text)),
    fc.json().map(text => Buffer.from(JSON.stringify(JSON.parse(text), null, 2))),
    fc.constantFrom(', "payload": 1}', '", "payload": 1}', '}', '"').map(text => Buffer.from(text)),
  );
  const envelope = fc.record(
    {
      arrival: fc.integer({ min: 0, max: 4_102_444_800_000_000 }),
      topic: fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant('a", "payload": 1')),
      payload,
      qos: fc.constantFrom(0, 1, 2),
      retain: fc.constant(true),
      dup: fc.constant(true),
      packetId: fc.integer({ min: 1, max: 65_535 }),
      session: fc.string(),
      notes: fc.dictionary(
        fc.oneof(fc.constantFrom('payload', ', "payload'), fc.string()),
        fc.jsonValue().map(value => JSON.parse(JSON.stringify(value))),
        { noNullPrototype: true },
      ),
    },
    { requiredKeys: ['arrival', 'topic', 'payload'] },
  );
  fc.assert(
    fc.property(envelope, message => {
      const line = writeEnvelope(message);
      expect(line.includes('\n') || line.includes('\r')).toBe(false);
      expect(JSON.parse(line.toString()).topic).toBe(message.topic);
      const { payload: read, ...rest } = readEnvelope(line) as Envelope;
      const { payload: sent, ...said } = message;
      expect(rest).toEqual(said);
      // Line breaks between the tokens of JSON are the only bytes that may differ.
      expect(read.length).toBe(sent.length);
      if (!read.equals(sent)) expect(JSON.parse(read.toString())).toEqual(JSON.parse(sent.toString()));
    }),
    { numRuns: 100 },
  );
});

test('what is no envelope is a reason', () => {
  const line = written('25');
  for (let cut = 0; cut < line.length; cut++) {
    expect(readEnvelope(Buffer.from(line.slice(0, cut)))).toBe('not an envelope');
  }
  for (const text of [
    '{"id": "a", "dt": "2025-11-12", "value": 1}',
    'null',
    '{"topic": "a", "payload": 1}',
  ]) {
    expect(readEnvelope(Buffer.from(text))).toBe('not an envelope');
  }
  expect(readEnvelope(Buffer.from('{"received_at": "today", "topic": "a", "payload": 1}'))).toBe(
    'not an envelope',
  );
});
