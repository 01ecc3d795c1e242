import fc from 'fast-check';
import { expect, test } from 'vitest';
import { zoneOf } from '../../../base/time.ts';
import { TextLineDecoder } from '../../../collector/payload/formats/text-line.ts';
import { SluiceDecoder } from '../../../collector/payload/sluice-decoder.ts';
import { readTextLines } from '../../../collector/payload/text-lines.ts';
import { decodePayload } from '../../harness/plain-messages.ts';

const read = (text: string | Buffer) => [...readTextLines(Buffer.from(text as string))];
const payloads = (text: string) => read(text).map(line => 'payload' in line && line.payload.toString());
const reasons = (text: string | Buffer) =>
  read(text).map(line => 'reason' in line && [line.line, line.reason]);

test('a line becomes the payload that a sensor would have sent', () => {
  expect(payloads('1649941817 Voltage 1.34')).toEqual([
    '{"id": "Voltage", "dt": "2022-04-14T13:10:17Z", "value": 1.34}',
  ]);
});

test('lines end in LF or CRLF, the last one perhaps in nothing; empty ones count and are left out', () => {
  expect(read('1 a 1\r\n\n  \n2\tb\t2\n').map(({ line }) => line)).toEqual([1, 4]);
});

test.each([
  ['1649941817.5', '2022-04-14T13:10:17.500000Z'],
  ['1649941817.000001', '2022-04-14T13:10:17.000001Z'],
  ['1649941817.9999999', '2022-04-14T13:10:17.999999Z'],
  ['0', '1970-01-01T00:00:00Z'],
  ['9999999999', '2286-11-20T17:46:39Z'],
])('%s seconds are %s', (seconds, dt) => {
  expect(payloads(`${seconds} a 1`)).toEqual([`{"id": "a", "dt": "${dt}", "value": 1}`]);
});

test('what stands between the first and the last word is the name', () => {
  expect(payloads('1649941817 Hall 2 "north"  side -1e3')[0]).toBe(
    '{"id": "Hall 2 \\"north\\"  side", "dt": "2022-04-14T13:10:17Z", "value": -1e3}',
  );
});

test('numbers that are not JSON as they stand are written so', () => {
  expect(payloads('1 a +1\n1 a .5\n1 a 5.\n1 a 007').map(text => JSON.parse(text as string).value)).toEqual([
    1, 0.5, 5, 7,
  ]);
});

test.each([
  ['Voltage', 'not of the form <unix seconds> <name> <value>'],
  ['1649941817 1.34', 'not of the form <unix seconds> <name> <value>'],
  ['now Voltage 1', 'time is not in seconds since 1970'],
  ['-1 Voltage 1', 'time is not in seconds since 1970'],
  ['1649941817000 Voltage 1', 'time is not in seconds since 1970'],
  ['1649941817. Voltage 1', 'time is not in seconds since 1970'],
  ['1649941817 Voltage 1,34', 'value is not a number'],
  ['1649941817 Voltage NaN', 'value is not a number'],
  ['1649941817 Voltage 0x10', 'value is not a number'],
])('%s is refused', (line, reason) => {
  expect(reasons(`1 a 1\n${line}\n`)).toEqual([false, [2, reason]]);
});

test('a line that is not UTF-8 spoils no other', () => {
  expect(reasons(Buffer.from('1 a 1\n1 \xff 1\n1 ä 1\n', 'latin1'))).toEqual([
    false,
    [2, 'not UTF-8'],
    [3, 'not UTF-8'],
  ]);
  expect(
    reasons(Buffer.concat([Buffer.from('1 ä 1\n'), Buffer.from([0x31, 0x20, 0xff, 0x20, 0x31])])),
  ).toEqual([false, [2, 'not UTF-8']]);
});

test('whatever time, name and value are written down come back from the payload', () => {
  const word = fc.stringMatching(/^[!-~äß€😀]{1,12}$/u);
  const name = fc.array(word, { minLength: 1, maxLength: 3 }).map(words => words.join(' '));
  const time = fc.integer({ min: 946_684_800_000_000, max: 1_760_000_000_000_000 });
  const value = fc.double({ noDefaultInfinity: true, noNaN: true });
  fc.assert(
    fc.property(time, name, value, (micros, id, number) => {
      const seconds = `${Math.floor(micros / 1e6)}.${String(micros % 1e6).padStart(6, '0')}`;
      const [line] = read(`${seconds} ${id} ${number}`);
      const reading = decodePayload((line as { payload: Buffer }).payload, zoneOf('UTC'), Date.now());
      expect(reading).toEqual({
        sensorId: id,
        time: micros,
        value: number === 0 ? expect.closeTo(0) : number,
      });
    }),
  );
});

test('no body makes it throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
      for (const { line } of readTextLines(Buffer.from(bytes))) expect(line).toBeGreaterThan(0);
    }),
  );
});

test('a long line costs no more than its length, whatever it holds', () => {
  // Each of these took minutes while a pattern tried its characters again and again.
  const hostile = (n: number) =>
    ['1 a', ' '.repeat(n), 'b 1\n', `1 a ${'1'.repeat(n)}x\n`, `1 ${'b'.repeat(n)} x\n`].join('');
  expect(reasons(hostile(60_000))).toEqual([
    false,
    [2, 'value is not a number'],
    [3, 'value is not a number'],
  ]);
  expect(reasons(hostile(1e6))).toEqual([1, 2, 3].map(line => [line, 'longer than 65536 bytes']));
});

test('a decoder of such lines says what the message says that a line becomes', () => {
  const decoder = new TextLineDecoder(new SluiceDecoder(zoneOf('UTC')));
  const decode = (line: string) => decoder.decode('', Buffer.from(line), 1_650_000_000_000_000);
  expect(decode('1649941817 Voltage 1.34')).toEqual([
    { sensorId: 'Voltage', time: 1_649_941_817_000_000, value: 1.34 },
  ]);
  expect(decode('now Voltage 1.34')).toBe('time is not in seconds since 1970');
  expect(decode('1 Voltage 1.34')).toBe('dt is before 2000');
});
