import { expect, test } from 'vitest';
import { rejectedLine } from '../../../collector/bronze/line.ts';
import { RejectExamples } from '../../../collector/serve/reject-examples.ts';

const noon = Date.UTC(2025, 10, 12, 12);

function group(...messages: [topic: string, payload: Buffer, reason: string][]) {
  const lines = messages.flatMap(([topic, payload, reason]) => [
    rejectedLine(topic, payload, reason, noon),
    Buffer.from('\n'),
  ]);
  return new Map([['rejected/2025-11-12.jsonl', { bytes: Buffer.concat(lines), count: messages.length }]]);
}

test('the last message of each reason, its beginning, and where it came from', () => {
  const examples = new RejectExamples();
  examples.note(
    group(
      ['a/1', Buffer.from('first'), 'not JSON'],
      ['a/2', Buffer.from('last'), 'not JSON'],
      ['a/3', Buffer.from('{}'), 'id is missing'],
      ['a/4', Buffer.from([0xff, 0xfe]), 'not UTF-8'],
    ),
  );
  const at = '2025-11-12T12:00:00.000Z';
  expect(examples.of('not JSON')).toEqual({ at, topic: 'a/2', payload: 'last' });
  expect(examples.of('id is missing')).toEqual({ at, topic: 'a/3', payload: '{}' });
  expect(examples.of('not UTF-8')).toEqual({ at, topic: 'a/4', payload: '//4= (base64)' });
  examples.note(group(['b', Buffer.from('x'.repeat(300)), 'not JSON']));
  expect(examples.of('not JSON')).toEqual({ at, topic: 'b', payload: 'x'.repeat(200) });
  expect(examples.of('dt is missing')).toBeUndefined();
});

test('raw files are not looked at, nor what is too long to be an example', () => {
  const examples = new RejectExamples();
  examples.note(new Map([['raw/2025-11-12_a.jsonl', { bytes: Buffer.from('no JSON\n'), count: 1 }]]));
  examples.note(group(['a', Buffer.from('y'.repeat(100_000)), 'not JSON']));
  expect(examples.of('not JSON')).toBeUndefined();
});
