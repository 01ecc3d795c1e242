import { expect, test } from 'vitest';
import { readTopics, TopicsFileError } from '../../../../collector/payload/topics-file.ts';
import { decoding } from '../decoding.ts';

const jsonata = (expression: string) =>
  decoding(
    `topics: [{filter: "{d}/#", format: jsonata, sensor: "{d}/{path}", expression: ${JSON.stringify(expression)}}]`,
  );

test('an expression makes readings of what no path leads to', () => {
  const decode = jsonata(
    'sensors.{"path": name & "/" & $topic, "value": $number(reading), "time": at, "unit": u}',
  );
  expect(
    decode('a/b', {
      sensors: [
        { name: 'x', reading: '21.5', at: 1762941600, u: '°C' },
        { name: 'y', reading: '2' },
      ],
    }),
  ).toEqual(['a/x/a/b 21.5 °C 2025-11-12T10:00:00Z', 'a/y/a/b 2 now']);
  expect(decode('a/b', { sensors: [] })).toEqual([]);
});

test('what it gives that is no reading is for the loader to refuse', () => {
  expect(jsonata('{"path": "p", "value": "warm"}')('a/b', {})).toEqual(['a/p "warm" now']);
  expect(jsonata('{"path": "p", "value": 1, "time": "soon"}')('a/b', {})).toBe(
    'time is not an ISO 8601 date and time',
  );
  expect(jsonata('5')('a/b', {})).toEqual(['a undefined now']);
});

test('an expression that fails is a reason; one that does not end is ended, and the next message is decoded', () => {
  const decode = jsonata(
    'kind = "loop" ? ($f := function($n) {$f($n + 1)}; $f(0)) : kind = "regex" ? $match(text, /^(a+)+$/) : kind = "error" ? $error("no") : {"path": kind, "value": 1}',
  );
  expect(decode('a/b', { kind: 'fine' })).toEqual(['a/fine 1 now']);
  expect(decode('a/b', { kind: 'error' })).toBe('the expression failed');
  expect(decode('a/b', { kind: 'regex', text: `${'a'.repeat(40)}!` })).toBe(
    'the expression took longer than 200 ms',
  );
  expect(decode('a/b', { kind: 'fine' })).toEqual(['a/fine 1 now']);
});

test('an expression that cannot be parsed is a mistake of the file', () => {
  expect(() => jsonata('a +')).toThrow(TopicsFileError);
  expect(() => jsonata('a +')).toThrow(/topics\.yaml:1:\d+: expression must be JSONata/);
});

test('topics that are closed while a message is still decoded with them begin their thread again', () => {
  const topics = readTopics(
    'topics: [{filter: "{d}/#", format: jsonata, sensor: "{d}/{path}", expression: "{\\"path\\": \\"p\\", \\"value\\": v}"}]',
    { zone: 'UTC' },
  );
  const { decoder } = topics.find('a/b')!;
  const decode = (v: number) => decoder.decode('a/b', Buffer.from(JSON.stringify({ v })), 0);
  expect(decode(1)).toMatchObject([{ sensorId: 'a/p', value: 1 }]);
  topics.close();
  expect(decode(2)).toMatchObject([{ sensorId: 'a/p', value: 2 }]);
  topics.close();
});
