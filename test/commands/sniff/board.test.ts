import { expect, test } from 'vitest';
import { readTopics } from '../../../collector/payload/topics-file.ts';
import { board } from '../../../commands/sniff/board.ts';
import { judge, type Message } from '../../../commands/sniff/message.ts';
import { SeenTopics } from '../../../commands/sniff/seen-topics.ts';

test('a table: rate, size, QoS, kept, last payload, and what it makes; nothing in it turns the terminal', () => {
  const topics = readTopics('topics: [{ filter: "n/+", format: number, unit: K }]', { zone: 'UTC' });
  const seen = new SeenTopics();
  const add = (topic: string, payload: string, arrival: number, retain = false) => {
    const message: Message = { topic, payload: Buffer.from(payload), qos: 1, retain, arrival };
    seen.add(message, judge(topics, message));
  };
  for (let second = 0; second < 10; second++) add('n/a', '21.5', second * 1e6);
  add('n/b', '\u001b[31mwarm\n', 0, true);
  add('x', '1', 0);
  const text = board(seen, 10e6, 120, 24).replace('\x1b[H\x1b[J', '');
  const rows = text.split('\n').map(line => line.split(/ {2,}/));
  expect(rows.slice(0, 4)).toEqual([
    ['topic', 'msg/s', 'bytes', 'QoS', 'kept', 'last payload', 'what it makes'],
    ['n/a', '1.0', '4', '1', '21.5', 'n/a 21.5 K'],
    ['n/b', '0.1', '10', '1', 'yes', '[31mwarm', 'rejected: not a number'],
    ['x', '0.1', '1', '1', '1', 'not taken by any entry'],
  ]);
  expect(text).not.toContain('\u001b');
  expect(
    board(seen, 10e6, 40, 5)
      .split('\n')
      .every(line => line.replace('\x1b[H\x1b[J', '').length <= 40),
  ).toBe(true);
  expect(board(seen, 10e6, 80, 5)).toContain('… and 2 more topics');
});
