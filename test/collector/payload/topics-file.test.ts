import { expect, test } from 'vitest';
import { formats } from '../../../collector/payload/formats.ts';
import { readTopics, readTopicsFile, TopicsFileError } from '../../../collector/payload/topics-file.ts';
import { decoding } from './decoding.ts';

const formatNames = formats.map(({ name }) => name).join(', ');

const problems = (yaml: string) => {
  try {
    readTopics(yaml, { zone: 'UTC' }, 't.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof TopicsFileError)) throw error;
    return error.problems;
  }
};

const design = `
topics:
  - filter: sensors/#
  - filter: zigbee2mqtt/bridge/#
    ignore: true
  - filter: zigbee2mqtt/{device}
    use: zigbee2mqtt
  - filter: shellies/{device}/sensor/{field}
    format: number
    sensor: "{device}/{field}"
  - filter: tele/{device}/SENSOR
    format: json
    sensor: "{device}/{path}"
    values: ["**"]
    time: { path: Time, zone: Europe/Berlin }
    retained: skip
`;

test('the first entry that matches decides what a message means', () => {
  const decode = decoding(design);
  expect(decode('sensors/1', { id: 'a', dt: '2025-11-12', value: 1 })).toEqual(['a 1 2025-11-12T00:00:00Z']);
  expect(decode('zigbee2mqtt/bridge/state', 'online')).toBe('ignored');
  expect(decode('zigbee2mqtt/hall', { temperature: 21.5, state: 'ON', name: 'x' })).toEqual([
    'hall/temperature 21.5 °C now',
    'hall/state 1 now',
  ]);
  expect(decode('shellies/plug/sensor/power', '25.5')).toEqual(['plug/power 25.5 now']);
  expect(decode('tele/t/SENSOR', { Time: '2025-11-12T11:15:01', DS: { Temperature: 20 } })).toEqual([
    't/DS.Temperature 20 2025-11-12T10:15:01Z',
  ]);
  expect(decode('elsewhere', '1')).toBe('no entry');
});

test('entries know how their messages are recorded, and what to subscribe to', () => {
  const topics = readTopics(design, { zone: 'UTC' });
  expect(topics.filters).toEqual(['sensors/#', 'zigbee2mqtt/+', 'shellies/+/sensor/+', 'tele/+/SENSOR']);
  expect(topics.find('sensors/1')).toMatchObject({ hasEnvelope: false, retained: 'take', hasOwnTime: true });
  expect(topics.find('zigbee2mqtt/a')).toMatchObject({
    hasEnvelope: true,
    retained: 'skip',
    hasOwnTime: false,
  });
  expect(topics.find('tele/a/SENSOR')).toMatchObject({ retained: 'skip', hasOwnTime: true });
  expect(topics.find(Buffer.from('tele/a/SENSOR'))?.name).toBe('tele/{device}/SENSOR');
});

test('its text has the presets written out, and reads as the same file', () => {
  const topics = readTopics(design, { zone: 'Europe/Berlin' });
  const again = readTopics(topics.text, { zone: 'UTC' });
  expect(topics.text).not.toContain('use');
  expect(again.text).toBe(topics.text);
  expect(again.hash).toBe(topics.hash);
  expect(again.filters).toEqual(topics.filters);
});

test('presets of the file can build on others; base moves their topics', () => {
  const decode = decoding(`
presets:
  attic:
    topics:
      - use: zigbee2mqtt
        base: attic/z2m
        location: Attic
      - filter: attic/{room}
        format: number
topics:
  - use: attic
    unit: K
`);
  expect(decode('attic/z2m/bridge/info', '{}')).toBe('ignored');
  expect(decode('attic/z2m/hall', { a: 1 })).toEqual(['hall/a 1 K now']);
  expect(decode('attic/x', '5')).toEqual(['attic/x 5 K now']);
});

test('every mistake is told at once, with line and column', () => {
  expect(
    problems(`zon: UTC
topics:
  - filter: a/#/b
    format: number
    sensor: "{x"
  - filter: c
    format: jsno
    values: [a..b]
  - filter: d/{x}
    format: json
    values: [a..b, "**", "b.**.c"]
    sensor: "{y}/{path}"
    time: { path: t, zone: Berlin, unti: s }
  - filter: d/+
    fromat: number
  - filter: e
    format: json
    values: { t: { as: x, scale: "2" }, "u*": {} }
    sensor: "e"
    except: ["a..b"]
  - use: shelly
    filter: b/#/c
  - use: zigbee2mqtt
    base: 5
    values: [..]
  - 7
  - ignore: true
  - format: number
    sensor: "{device}/}"
presets:
  mine:
    topics:
      - filter: x/{y}
        format: json
        sensor: "{z}"
`),
  ).toEqual([
    't.yaml:1:1: zon is not known here; did you mean "zone"?',
    't.yaml:3:5: filter must have # or {name#} at its end only',
    't.yaml:5:5: sensor must have each { closed by a }, in "{x"',
    `t.yaml:7:5: format must be one of ${formatNames}; did you mean "json"?`,
    't.yaml:8:14: values must be a path such as a.b, a[0], a["b.c"], * or **, not "a..b"',
    't.yaml:11:14: values must be a path such as a.b, a[0], a["b.c"], * or **, not "a..b"',
    't.yaml:11:26: values must have ** at its end only, not "b.**.c"',
    't.yaml:12:5: sensor must name only what there is: {x}, {path}, {key}, {topic}, {payload.…}; not {y}',
    't.yaml:13:22: zone must be a time zone of the IANA database, such as UTC or Europe/Berlin',
    't.yaml:13:36: unti is not known here; did you mean "unit"?',
    't.yaml:14:5: filter must not be there twice: d/{x} comes first and takes all',
    't.yaml:15:5: fromat is not known here; did you mean "format"?',
    't.yaml:18:27: scale must be a number',
    't.yaml:18:41: u* must be a path such as a.b, a[0], a["b.c"], * or **, not "u*"',
    't.yaml:19:5: sensor must contain {path}: its values would all be readings of one sensor',
    't.yaml:20:14: except must be a path such as a.b, a[0], a["b.c"], * or **, not "a..b"',
    expect.stringMatching(
      /^t\.yaml:21:5: use must be one of chirpstack, .*, zigbee2mqtt, mine; not shelly; did you mean "shelly-gen1" or "shelly-gen2"\?$/,
    ),
    't.yaml:22:5: filter must have # or {name#} at its end only',
    't.yaml:24:5: base must be the first levels of the preset’s topics',
    't.yaml:25:14: values must be a path such as a.b, a[0], a["b.c"], * or **, not ".."',
    't.yaml:26:5: topics must be an entry such as {filter: zigbee2mqtt/{device}, use: zigbee2mqtt}',
    't.yaml:27:5: filter must be a topic filter such as zigbee2mqtt/{device}',
    't.yaml:28:5: filter must be a topic filter such as zigbee2mqtt/{device}',
    't.yaml:29:5: sensor must have each { closed by a }, in "{device}/}"',
    't.yaml:35:9: sensor must name only what there is: {y}, {path}, {key}, {topic}, {payload.…}; not {z}',
  ]);
});

test.each([
  [
    'filter: a/{x}\n    format: json\n    values: [a..b, "b.**.c"]',
    [
      '5:14: values must be a path such as a.b, a[0], a["b.c"], * or **, not "a..b"',
      '5:20: values must have ** at its end only, not "b.**.c"',
    ],
  ],
  [
    'filter: a/{x}\n    format: json\n    sensor: "{y}/{path}"',
    ['5:5: sensor must name only what there is: {x}, {path}, {key}, {topic}, {payload.…}; not {y}'],
  ],
  [
    'filter: a/{x}\n    format: json\n    sensor: "{x}"',
    ['5:5: sensor must contain {path}: its values would all be readings of one sensor'],
  ],
  [
    'filter: a\n    format: number\n    sensor: ""',
    ['5:5: sensor must give ids of 1 to 200 characters, without control characters'],
  ],
  [
    'filter: a\n    format: number\n    sensor: "a\\tb"',
    ['5:5: sensor must give ids of 1 to 200 characters, without control characters'],
  ],
  [
    `filter: a\n    format: number\n    sensor: ${'x'.repeat(201)}`,
    ['5:5: sensor must give ids of 1 to 200 characters, without control characters'],
  ],
  [
    'filter: a\n    format: number\n    sensor: "{topic"',
    ['5:5: sensor must have each { closed by a }, in "{topic"'],
  ],
  [
    'filter: a\n    format: json\n    values: {"*": {as: b}}',
    ['5:20: as must not be there: * finds many values, which would all be called b'],
  ],
  ['filter: a\n    format: json\n    time: "a.*"', ['5:5: time must lead to one value: no * in it']],
  [
    'filter: a\n    format: json\n    except: ["a..b"]',
    ['5:14: except must be a path such as a.b, a[0], a["b.c"], * or **, not "a..b"'],
  ],
  [
    'filter: a/{x}\n  - filter: a/+\n    format: number',
    ['4:5: filter must not be there twice: a/{x} comes first and takes all'],
  ],
  ['filter: a/{device}\n    use: zigbee2mqtt\n    base: b', ['5:5: base must not be there beside filter']],
  [
    'use: zigbee2mqtt\n    values: [..]',
    ['4:14: values must be a path such as a.b, a[0], a["b.c"], * or **, not ".."'],
  ],
  [
    'use: zigbee2mqtt\n    filter: a/b',
    [
      '3:5: use writes an entry whose sensor must name only what there is: {path}, {key}, {topic}, {payload.…}; not {device}',
    ],
  ],
])('%s', (entry, expected) => {
  const found = problems(`# one\ntopics:\n  - ${entry}\n`);
  expect(found).toEqual(expected.map(text => `t.yaml:${text}`));
});

test.each([
  [
    '{ filter: a/+, format: json, time: { path: t, unit: sec } }',
    'unit must be auto, iso, s, ms, us or ns, not "sec"; did you mean "s"?',
  ],
  ['{ filter: a/+, format: json, untis: V }', 'untis is not known here; did you mean "unit"?'],
  ['{ filter: a/+, format: json, retaind: take }', 'retaind is not known here; did you mean "retained"?'],
  [
    '{ filter: a/+, format: json, values: { t: { untis: V } } }',
    'untis is not known here; did you mean "unit"?',
  ],
  ['{ use: homie, retaind: take }', 'retaind is not known here; did you mean "retained"?'],
  [
    '{ filter: a/+, format: number, retained: taek }',
    'retained must be skip or take, not "taek"; did you mean "take"?',
  ],
])('what was likely meant: %s', (entry, expected) => {
  expect(problems(`topics: [${entry}]`).map(problem => problem.replace(/^t\.yaml:\d+:\d+: /, ''))).toEqual([
    expected,
  ]);
});

test('no problem is told in the words of the validator', () => {
  const oddities = [7, true, 'x', [], [7], [[]], {}, { x: 7 }, { x: [] }, { x: { as: 7 } }, null];
  const entries = formats.flatMap(({ name, options }) =>
    ['filter', 'retained', 'format', ...Object.keys(options)].flatMap(key =>
      oddities.map(oddity => ({ filter: 'a/+', format: name, [key]: oddity })),
    ),
  );
  const told = problems(
    JSON.stringify({ topics: entries, presets: { a: 7, b: { base: 7, description: 7, topics: 7 } } }),
  );
  expect(told.length).toBeGreaterThan(100);
  expect(told.filter(problem => /Invalid|expected|Unrecognized|Too (?:small|big)/.test(problem))).toEqual([]);
});

test('what is no topics file at all', () => {
  expect(problems('')).toEqual(['t.yaml:1:1: must be a map with the key topics']);
  expect(problems('topics: []')).toEqual(['t.yaml:1:1: topics must not be empty']);
  expect(problems('topics: {}')).toEqual(['t.yaml:1:1: topics must be a list of entries']);
  expect(problems('topics:\n  - filter: a\n   - filter: b')[0]).toMatch(/^t\.yaml:3:\d+: /);
  expect(problems('topics:\n  - filter: a\n    filter: b/#/c')).toEqual([
    expect.stringMatching(/^t\.yaml:3:5: .*unique/),
    't.yaml:3:5: filter must have # or {name#} at its end only',
  ]);
  expect(() => readTopicsFile('/nowhere/t.yaml', { zone: 'UTC' })).toThrow(
    /\/nowhere\/t\.yaml cannot be read/,
  );
});

test('presets that use each other in a circle', () => {
  expect(
    problems(`presets:
  a: { topics: [{ use: b }] }
  b: { topics: [{ use: a }] }
topics:
  - use: a
`),
  ).toEqual(['t.yaml:3:19: use must not lead back to itself: a uses b uses a']);
});

test('aliases of YAML cannot make it endless', () => {
  const lines = ['topics: [{filter: a, format: json, values: &a0 [x, x, x, x, x, x, x, x, x]}]'];
  for (let i = 1; i < 12; i++)
    lines.push(
      `x${i}: &a${i} [${Array(9)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    );
  expect(problems(lines.join('\n'))[0]).toMatch(/alias/i);
});
