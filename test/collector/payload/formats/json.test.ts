import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decoding } from '../decoding.ts';

const json = (entry: string) => decoding(`topics:\n  - filter: "t/{device}"\n    format: json\n    ${entry}`);
const device = 'sensor: "{device}/{path}"';

test('without more, every number below is a reading of its own, at the arrival', () => {
  expect(
    json('')('t/a', { temp: 21.5, name: 'x', on: true, gone: null, in: { list: [1, { deep: 2 }] } }),
  ).toEqual(['t/a/temp 21.5 now', 't/a/in.list[0] 1 now', 't/a/in.list[1].deep 2 now']);
});

test('paths, renames, units, scale, offset and maps', () => {
  const decode = json(`${device}
    values:
      "a.b": { as: temperature, unit: °C, scale: 0.1, offset: -5 }
      "list[1]": second
      "[\\"odd.key\\"]":
      state: { map: { ON: 1, OFF: 0 } }
      open: { map: { "true": 1, "false": 0 } }`);
  expect(decode('t/x', { a: { b: 213 }, list: [0, 7], 'odd.key': 3, state: 'OFF', open: true })).toEqual([
    'x/temperature 16.3 °C now',
    'x/second 7 now',
    'x/["odd.key"] 3 now',
    'x/state 0 now',
    'x/open 1 now',
  ]);
  // What is not there is no reading; what is there and has no number is for the loader to refuse.
  expect(decode('t/x', { a: {}, list: [], state: 'standby', open: null })).toEqual(['x/state "standby" now']);
  expect(decode('t/x', {})).toEqual([]);
});

test('wildcards find numbers only, and leave out what they are told to', () => {
  const decode = json(`${device}
    values: ["*.power", "**"]
    except: [linkquality, update.**]`);
  expect(decode('t/x', { p1: { power: 1, v: 'x' }, linkquality: 9, update: { n: [4] }, z: 5 })).toEqual([
    'x/p1.power 1 now',
    'x/z 5 now',
  ]);
});

test('paths are left out by a pattern; conditions choose messages; texts may be skipped', () => {
  const decode = json(`${device}
    values: ["a.*", v]
    except: ["a.id", "*.list[0].**", "a.x.**"]
    when: { kind: data, ok: true }
    skip_text: true`);
  expect(decode('t/x', { kind: 'data', ok: true, v: 'text', a: { id: 1, idle: 2 } })).toEqual([
    'x/a.idle 2 now',
  ]);
  expect(decode('t/x', { kind: 'data', ok: false, v: 1 })).toEqual([]);
  expect(decode('t/x', { kind: 'other', ok: true, v: 1 })).toEqual([]);
  const open = json(`${device}\n    except: ["*.list[0].**", "a.x.**", "q.*"]`);
  expect(
    open('t/x', { b: { list: [{ n: 1 }, { n: 2 }] }, a: { x: { y: 3 }, xy: 4 }, q: [5], qq: 6 }),
  ).toEqual(['x/b.list[1].n 2 now', 'x/a.xy 4 now', 'x/qq 6 now']);
});

test('ids of what a message says, where it says it', () => {
  const decode = json('sensor: "{payload.model}/{payload.channel?}/{item.tags}/{key}"\n    values: ["f.*"]');
  expect(decode('t/x', { model: 'M', channel: 3, tags: { b: 'two', a: 1 }, f: { n: 5 } })).toEqual([
    'M/3/1/two/n 5 now',
  ]);
  expect(decode('t/x', { model: 'M', tags: {}, f: { n: 5 } })).toEqual(['M/n 5 now']);
  expect(decode('t/x', { tags: {}, f: { n: 5 } })).toBe('the message lacks what its id is made of');
});

test('numeric strings count where the entry says so', () => {
  const entry = `${device}\n    values: [v]`;
  expect(json(entry)('t/x', { v: '21.5' })).toEqual(['x/v "21.5" now']);
  const decode = json(`${entry}\n    numeric_strings: true`);
  expect(decode('t/x', { v: ' 21.5 ' })).toEqual(['x/v 21.5 now']);
  expect(decode('t/x', { v: '0x10' })).toEqual(['x/v "0x10" now']);
  expect(decode('t/x', { v: '' })).toEqual(['x/v "" now']);
});

test('a time of its own, and a message without it', () => {
  const decode = json(`${device}\n    values: [v]\n    time: { path: at.t, zone: Europe/Berlin }`);
  expect(decode('t/x', { v: 1, at: { t: '2025-11-12T11:00:00' } })).toEqual(['x/v 1 2025-11-12T10:00:00Z']);
  expect(decode('t/x', { v: 1, at: { t: 1762941600123 } })).toEqual(['x/v 1 2025-11-12T10:00:00.123000Z']);
  expect(decode('t/x', { v: 1 })).toBe('time is missing');
  expect(decode('t/x', { v: 1, at: { t: 'soon' } })).toBe('time is not an ISO 8601 date and time');
  expect(decode('t/x', { v: 1, at: { t: '2025-11-14' } })).toBe('dt is more than a day ahead');
  const lenient = json(`${device}\n    values: [v]\n    time: { path: t, missing: arrival }`);
  expect(lenient('t/x', { v: 1 })).toEqual(['x/v 1 now']);
});

test('each item of an array is looked at by itself', () => {
  const decode = json(
    `sensor: "{payload.gateway}/{item.name}"\n    each: readings\n    values: [v]\n    time: t`,
  );
  const readings = [
    { name: 'a', v: 1, t: 1762941600 },
    { v: 2, t: 1762941600 },
    { name: 'b', v: 3 },
    { name: 'c', v: 4, t: 'x' },
  ];
  expect(decode('t/x', { gateway: 'g', readings })).toEqual([
    'g/a 1 2025-11-12T10:00:00Z',
    ' the message lacks what its id is made of 2025-11-12T10:00:00Z',
    'g/b time is missing now',
    'g/c time is not an ISO 8601 date and time now',
  ]);
});

test('several arrivals of one sensor in a message follow one another by a microsecond', () => {
  const decode = json('sensor: "{device}"\n    each: "[*]"\n    values: [v]');
  expect(decode('t/x', [{ v: 1 }, { v: 2 }])).toEqual(['x 1 now', 'x 2 2025-11-12T10:15:01.000002Z']);
});

test.each([
  ['{"a": ', 'not JSON'],
  [Buffer.from([0xff]), 'not UTF-8'],
  ['x'.repeat(256 * 1024 + 1), 'larger than 262144 bytes'],
  [`${'['.repeat(1000)}1${']'.repeat(1000)}`, 'nested more than 64 deep'],
  [`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`, 'nested more than 64 deep'],
  [JSON.stringify({ ['k'.repeat(250)]: 1 }), 'id is not 1 to 200 characters long'],
  [JSON.stringify({ 'a\nb': 1 }), ['t/x/["a\\nb"] 1 now']],
  ['', []],
  ['null', []],
  ['5', ['t/x 5 now']],
])('%.30s', (payload, expected) => {
  expect(json('')('t/x', payload)).toEqual(expected);
});

test('one id that is too long costs only its own reading', () => {
  expect(json('')('t/x', { ['k'.repeat(250)]: 1, b: 2 })).toEqual([
    ' id is not 1 to 200 characters long now',
    't/x/b 2 now',
  ]);
});

test('a thousand fields are a thousand readings', () => {
  const fields = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`f${n}`, n]));
  const decoded = json('')('t/x', fields);
  expect(decoded).toHaveLength(1000);
  expect(decoded.at(-1)).toBe('t/x/f999 999 now');
});

test('whatever JSON comes, its numbers are found, each under a path of its own that leads to it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), value => {
      const decode = json('sensor: "{path}"');
      const numbers: number[] = [];
      JSON.stringify(value, (_, one) => {
        if (typeof one === 'number') numbers.push(one);
        return one;
      });
      const decoded = decode('t/x', JSON.stringify(value));
      const found = (typeof decoded === 'string' ? [decoded] : decoded).filter(
        text => !text.includes('id is not'),
      );
      if (typeof value === 'object') expect(found.length).toBeLessThanOrEqual(numbers.length);
      expect(new Set(found).size).toBe(found.length);
    }),
  );
});
