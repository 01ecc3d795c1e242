import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rawLine, rejectedLine } from '../../../collector/bronze/line.ts';

test('a payload without line breaks is kept byte for byte', () => {
  fc.assert(
    fc.property(fc.uint8Array(), bytes => {
      const payload = Buffer.from(bytes.filter(byte => byte !== 0x0a && byte !== 0x0d));
      expect(rawLine(payload).equals(payload)).toBe(true);
    }),
  );
});

test('a payload with line breaks becomes one line with the same meaning', () => {
  const layout = fc.tuple(
    fc.jsonValue(),
    fc.integer({ min: 0, max: 4 }),
    fc.constantFrom('\n', '\r\n', '\r'),
  );
  fc.assert(
    fc.property(
      layout,
      fc.string({ unit: fc.constantFrom('\n', '\r', ' ') }),
      ([value, indent, end], around) => {
        const text = around + JSON.stringify(value, null, indent).replaceAll('\n', end) + around;
        const payload = Buffer.from(text);
        const line = rawLine(payload).toString();
        expect(line).not.toMatch(/[\r\n]/);
        expect(JSON.parse(line)).toEqual(JSON.parse(text));
        expect(payload.toString(), 'the payload itself is left alone').toBe(text);
      },
    ),
  );
});

const parse = (line: Buffer) => {
  expect(line.includes(0x0a)).toBe(false);
  return JSON.parse(line.toString());
};

test('a rejected message tells when, where, why and what', () => {
  const line = rejectedLine('sensors/1', Buffer.from('a\n"b"'), 'not JSON', Date.UTC(2025, 10, 12));
  expect(parse(line)).toEqual({
    received_at: '2025-11-12T00:00:00.000Z',
    topic: 'sensors/1',
    reason: 'not JSON',
    payload: 'a\n"b"',
  });
});

test('a rejected message comes back byte for byte', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), bytes => {
      const { payload, payload_base64 } = parse(rejectedLine('t', Buffer.from(bytes), 'not JSON', 0));
      const back = payload === undefined ? Buffer.from(payload_base64, 'base64') : Buffer.from(payload);
      expect(back.equals(Buffer.from(bytes))).toBe(true);
    }),
  );
  expect(parse(rejectedLine('t', Buffer.from([0xff]), 'not UTF-8', 0))).toMatchObject({
    payload_base64: '/w==',
  });
});

test('of a huge message the beginning is kept, and its length', () => {
  const huge = Buffer.alloc(3 * 1024 * 1024, 'a');
  const { payload, payload_bytes } = parse(rejectedLine('t', huge, 'larger than 262144 bytes', 0));
  expect(payload).toBe('a'.repeat(1024 * 1024));
  expect(payload_bytes).toBe(huge.length);
});
