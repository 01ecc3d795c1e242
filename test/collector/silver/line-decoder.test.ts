import { describe, expect, test } from 'vitest';
import { parseTime, zoneOf } from '../../../base/time.ts';
import { Registry } from '../../../collector/silver/registry.ts';
import { decoderOf, linesOf } from '../../harness/lines.ts';

const utc = zoneOf('UTC');

describe('a plain message', () => {
  const decode = (bytes: Buffer | string) =>
    decoderOf(new Registry()).decode('f', { bytes: Buffer.from(bytes), start: 10, end: 99 });

  test('a line becomes a row, judged by the registry', () => {
    expect(decode('{"id": "a", "dt": "2025-11-12T10:15:01Z", "value": 2.5}')).toEqual({
      file: 'f',
      start: 10,
      end: 99,
      rows: [
        {
          time: parseTime('2025-11-12T10:15:01Z', utc),
          sensorId: 'a',
          value: 2.5,
          quality: 'unknown_sensor',
          late: false,
          inexact: false,
          reading: 1,
        },
      ],
      refusals: [],
    });
  });

  test.each([
    ['{"id":"a","dt":"2025-11-12"}', 'value is missing'],
    ['{"id":"a","dt":"2025-11-12","value":"2.5"}', 'value is not a number'],
    ['{"id":"a","dt":"2025-11-12","value":-1e400}', 'value is not a finite number'],
    ['{"id":"a","dt":"1999-12-31","value":1}', 'dt is before 2000'],
    ['', 'empty'],
    ['\0', 'empty'],
    ['torn', 'not JSON'],
  ])('%s: %s', (text, reason) => {
    const { rejection, rows } = decode(text);
    expect(rows).toEqual([]);
    const known = reason.startsWith('value')
      ? { sensorId: 'a', time: parseTime('2025-11-12', utc) }
      : { sensorId: undefined, time: undefined };
    expect(rejection).toEqual({ reading: 0, reason, text: text.replaceAll('\0', '\uFFFD'), ...known });
  });

  test('bytes that are no text are shown as U+FFFD', () => {
    expect(decode(Buffer.from([0x7b, 0xff])).rejection).toEqual({
      reading: 0,
      reason: 'not UTF-8',
      text: '{\uFFFD',
    });
  });

  test('lines keep their bytes: the end of one is the start of the next', () => {
    const lines = linesOf('f', ['ü', '', '🌡'], new Registry(), 7);
    expect(lines.map(({ start, end }) => [start, end])).toEqual([
      [7, 10],
      [10, 11],
      [11, 16],
    ]);
  });
});
