import { expect, test } from 'vitest';
import { Copies, overlapping } from '../../../../collector/source/mqtt/copies.ts';

const text = (value: string) => [0, value.length, ...Buffer.from(value)];
/** Properties of a PUBLISH with these subscription identifiers among others. */
const properties = (...ids: number[]) =>
  Buffer.from([
    ...[0x01, 1, 0x02, 0, 0, 0, 9, 0x03, ...text('a/b'), 0x26, ...text('k'), ...text('v')],
    ...ids.flatMap(id => [0x0b, ...(id < 128 ? [id] : [(id & 0x7f) | 0x80, id >> 7])]),
    ...[0x09, ...text('c')],
  ]);

test('the same payload by another subscription is a copy; by the same one it is a message of its own', () => {
  const copies = new Copies();
  const come = (payload: string, ...ids: number[]) =>
    copies.isCopy(Buffer.from('a/b'), Buffer.from(payload), properties(...ids));
  // Two messages that say the same, each delivered for two subscriptions.
  expect([come('1', 1), come('1', 300), come('1', 1), come('1', 300)]).toEqual([false, true, false, true]);
  expect([come('2', 300), come('2', 1), come('3', 1)]).toEqual([false, true, false]);
  // A broker that delivers once, and names both.
  expect([come('4', 1, 300), come('4', 1, 300)]).toEqual([false, false]);
  expect([come('5'), come('5')]).toEqual([false, false]);
  const long = 'x'.repeat(100);
  expect([come(long, 1), come(long, 300), come(`${long}y`, 1)]).toEqual([false, true, false]);
});

test('properties that are none of a PUBLISH, or cut off, make no copies', () => {
  const copies = new Copies();
  const come = (bytes: number[]) => copies.isCopy(Buffer.from('t'), Buffer.from('1'), Buffer.from(bytes));
  for (const bytes of [[0x7f], [0x0b], [0x0b, 0xff, 0xff, 0xff, 0xff], [0x26, 0, 9], [0x08, 0]]) {
    expect([come(bytes), come(bytes)]).toEqual([false, false]);
  }
});

test('filters that share a topic overlap', () => {
  expect(
    overlapping(['homeassistant/+/+/state', '+/sensor/+/state', 'tele/+/SENSOR', 'a/#', 'a/b/c/d', '$SYS/#']),
  ).toEqual(['homeassistant/+/+/state', '+/sensor/+/state', 'a/#', 'a/b/c/d']);
  expect(overlapping(['+/b', 'a/+', '#', '$SYS/x'])).toEqual(['+/b', 'a/+', '#']);
  expect(overlapping(['a/+', 'a', 'a/b/c'])).toEqual([]);
});
