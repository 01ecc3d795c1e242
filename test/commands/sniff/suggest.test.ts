import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readTopics } from '../../../collector/payload/topics-file.ts';
import { judge, type Message } from '../../../commands/sniff/message.ts';
import { SeenTopics } from '../../../commands/sniff/seen-topics.ts';
import { suggest } from '../../../commands/sniff/suggest.ts';

const arrival = Date.UTC(2025, 10, 12, 10, 15) * 1000;
const none = readTopics('topics: [{ filter: nothing }]', { zone: 'UTC' });

function seeing(messages: [topic: string, payload: unknown][]) {
  const seen = new SeenTopics();
  const all = messages.map(([topic, payload]): Message => {
    const bytes = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
    return { topic, payload: bytes, qos: 1, retain: false, arrival };
  });
  for (const message of all) seen.add(message, judge(none, message));
  return { all, file: suggest(seen.all, { zone: 'UTC', folder: '/' }), topics: seen.all };
}

/** What the file makes of the messages: outcomes by topic. */
function outcomes({ all, file }: ReturnType<typeof seeing>) {
  const topics = readTopics(file, { zone: 'UTC' });
  return Object.fromEntries(all.map(message => [message.topic, judge(topics, message).outcome]));
}

test('the file takes the messages of five presets, and of none, unedited', () => {
  const seen = seeing([
    ['zigbee2mqtt/hall', { temperature: 27.34, humidity: 44.72 }],
    ['zigbee2mqtt/bridge/state', { state: 'online' }],
    ['tele/plug/SENSOR', { Time: '2025-11-12T10:00:00', ENERGY: { Power: 25 } }],
    ['shellies/shellyht-7A45/sensor/temperature', '21.38'],
    [
      'application/1/device/0101/event/up',
      { time: '2025-11-12T09:34:15.775+00:00', deviceInfo: { deviceName: 'x' }, object: { t: 1 } },
    ],
    ['telegraf/host1/cpu', 'cpu,host=host1 usage_idle=98.5 1762941600000000000'],
    ['sensors/1', { id: 'Sensor 1', dt: '2025-11-12T10:00:00Z', value: 1 }],
    ['sensors/2', { id: 'Sensor 2', dt: '2025-11-12T10:00:00Z', value: 1 }],
    ['garden/north/soil', '41.5'],
    ['garden/south/soil', '42'],
    ['lab/scale', { weight: 12.5, timestamp: 1762941600 }],
    ['lab/door', 'gone for lunch'],
  ]);
  expect(seen.file).toContain('  - use: zigbee2mqtt\n');
  expect(seen.file).toContain('  - use: chirpstack\n');
  expect(seen.file).toContain('  - filter: "garden/+/soil"\n    format: number');
  expect(seen.file).toContain('  - filter: "sensors/+"\n');
  expect(seen.file).toContain('# Not taken: lab/door (words: gone for lunch): gone for lunch');
  expect(outcomes(seen)).toEqual({
    'zigbee2mqtt/hall': 'readings',
    'zigbee2mqtt/bridge/state': 'ignored',
    'tele/plug/SENSOR': 'readings',
    'shellies/shellyht-7A45/sensor/temperature': 'readings',
    'application/1/device/0101/event/up': 'readings',
    'telegraf/host1/cpu': 'readings',
    'sensors/1': 'readings',
    'sensors/2': 'readings',
    'garden/north/soil': 'readings',
    'garden/south/soil': 'readings',
    'lab/scale': 'readings',
    'lab/door': 'no entry',
  });
  const scale = readTopics(seen.file, { zone: 'UTC' }).find('lab/scale')!;
  expect(
    scale.decoder.decode('lab/scale', Buffer.from('{"weight": 12.5, "timestamp": 1762941600}'), arrival),
  ).toEqual([{ sensorId: 'lab/scale/weight', time: 1762941600_000_000, value: 12.5 }]);
});

test('a zone is named where a local time was seen, and only there; the schema is there', () => {
  const local = { Time: '2025-11-12T10:00:00', ENERGY: { Power: 25 } };
  expect(seeing([['tele/plug/SENSOR', local]]).file).toMatch(/^zone: \S+ # Times without an offset/m);
  expect(seeing([['lab/scale', { weight: 1, timestamp: 1762941600 }]]).file).not.toContain('zone:');
  // Plain messages go by SENSOR_TIMEZONE, whatever the file says.
  expect(seeing([['s/1', { id: 'a', dt: '2025-11-12T10:00:00', value: 1 }]]).file).not.toContain('zone:');
  const [, schema] = /\$schema=(\S+)/.exec(seeing([['a/b', '1']]).file)!;
  expect(existsSync(join('/', schema!))).toBe(true);
});

test('what cannot be taken is a comment, whatever it holds', () => {
  const seen = seeing([
    ['a\u2028b/"x"', 'text\nwith\u001b[31m lines'],
    ['$SYS/broker/uptime', '5 seconds'],
    ['empty', ''],
    ['json', { only: 'text' }],
  ]);
  expect(seen.file).toContain('(JSON without a number)');
  expect(seen.file).toContain('(nothing but empty messages)');
  expect(seen.file).not.toContain('$SYS');
  expect(seen.file).not.toContain('\u001b');
  expect(outcomes(seen)).toMatchObject({ json: 'no entry' });
});

/** The value that the file gives a payload of a topic. */
function valueBy(file: string, topic: string, payload: string) {
  const message = { topic, payload: Buffer.from(payload), qos: 0, retain: false, arrival };
  return judge(readTopics(file, { zone: 'UTC' }), message).readings[0]?.value;
}

test('states are 1 and 0 by their words, both of a pair, whichever was seen', () => {
  const { file } = seeing([
    ['a/pump', 'OFF'],
    ['b/door/contact', 'closed'],
    ['c/gate/online/now', 'Offline'],
    ['d/lock', 'unlocked'],
    ['e/jane/where/is', 'not_home'],
    ['f/valve', 'false'],
  ]);
  const values = [
    ['a/pump', 'ON', 'OFF'],
    ['b/door/contact', 'open', 'closed'],
    ['c/gate/online/now', 'Online', 'Offline'],
    ['d/lock', 'locked', 'unlocked'],
    ['e/jane/where/is', 'home', 'not_home'],
    ['f/valve', 'true', 'false'],
  ].map(([topic, ...payloads]) => payloads.map(payload => valueBy(file, topic!, payload)));
  expect(values).toEqual([
    [1, 0],
    [1, 0],
    [1, 0],
    [1, 0],
    [1, 0],
    [1, 0],
  ]);
});

test('words that nobody can know are named, also those seen long ago, and not mapped', () => {
  const { file } = seeing([
    ['a/mode', 'eco'],
    ['a/mode', 'boost'],
    ['b/cover', 'opening'],
    ['b/cover', 'open'],
    ['b/cover', 'closed'],
    ['b/cover', '7'],
    ['b/cover', '8'],
  ]);
  expect(file).toContain('# Not taken: a/mode (words: eco, boost): boost');
  expect(file).toContain('# Without a number yet: b/cover: opening');
  expect(valueBy(file, 'b/cover', 'closed')).toBe(0);
  expect(valueBy(file, 'b/cover', '7')).toBe(7);
});

test('topics of one form whose words are spelt differently each have their map', () => {
  const { file } = seeing([
    ['home/a/state', 'ON'],
    ['home/b/state', 'ON'],
    ['home/c/state', 'off'],
    ['home/d/state', 'off'],
  ]);
  expect(
    ['a', 'b', 'c', 'd'].map(one => valueBy(file, `home/${one}/state`, one < 'c' ? 'OFF' : 'on')),
  ).toEqual([0, 0, 1, 1]);
});

test('a number and its unit are taken; text that is not ASCII is text', () => {
  const seen = seeing([
    ['a/temperature', '21.5 °C'],
    ['a/clock', '10:15'],
    ['a/greeting', 'schönen Tag!'],
  ]);
  expect(seen.file).toContain('  - filter: "a/temperature"\n    format: number\n    unit_suffix: true\n');
  expect(valueBy(seen.file, 'a/temperature', '21.5 °C')).toBe(21.5);
  expect(seen.file).toContain('# Not taken: a/clock (text): 10:15');
  expect(seen.file).toContain('# Not taken: a/greeting (text): schönen Tag!');
});

test.each([
  ['its own base', 'homeassistant', [['sensor/outdoor/state', '21.5']], 'use: home-assistant'],
  [
    'domains of its own',
    'ha/states',
    [
      ['sensor/outdoor/state', '21.5'],
      ['sun/sun/state', 'above_horizon'],
    ],
    '{ use: home-assistant, base: "ha/states" }',
  ],
  [
    'its states',
    'house',
    [
      ['sensor/outdoor/state', '21.5'],
      ['binary_sensor/door/state', 'off'],
    ],
    '{ use: home-assistant, base: "house" }',
  ],
  [
    'its attributes',
    'house',
    [
      ['sensor/outdoor/state', '21.5'],
      ['sensor/outdoor/friendly_name', '"Outdoor"'],
    ],
    '{ use: home-assistant, base: "house" }',
  ],
  [
    'nothing, which is ESPHome',
    'livingroom',
    [
      ['sensor/outdoor/state', '21.5'],
      ['binary_sensor/door/state', 'OFF'],
    ],
    'use: esphome',
  ],
] as const)("Home Assistant's states are recognised by %s", (_, base, messages, entry) => {
  const { file } = seeing(messages.map(([topic, payload]) => [`${base}/${topic}`, payload]));
  expect(file.match(/^ {2}- .*use: .*$/gm)).toEqual([`  - ${entry}`]);
  expect(valueBy(file, `${base}/sensor/outdoor/state`, '21.5')).toBe(21.5);
});

test.each([
  ['SENSOR_TIMEZONE', '2025-11-12T11:14:58', 'Europe/Berlin', 'zone: Europe/Berlin # .*1 h ahead of UTC'],
  ['UTC', '2025-11-12T10:14:58', 'Europe/Berlin', 'zone: UTC # .*those of UTC'],
  ['a whole hour', '2025-11-12T14:15:20', 'UTC', 'zone: Etc/GMT-4 # .*4 h ahead of UTC, as in Asia/Dubai'],
  [
    'hours behind',
    '2025-11-12T05:15:00',
    'UTC',
    'zone: Etc/GMT\\+5 # .*5 h behind UTC, as in America/New_York',
  ],
  ["the machine's", '2025-11-12T04:15:00', 'UTC', 'zone: America/Chicago # .*6 h behind UTC'],
  ['a quarter', '2025-11-12T16:00:03', 'UTC', 'zone: Asia/K\\w+ # .*5 h 45 min ahead of UTC'],
])('local times are those of the zone that fits their arrival: %s', (_, Time, zone, line) => {
  const { all, topics } = seeing([['tele/plug/SENSOR', { Time, ENERGY: { Power: 25 } }]]);
  const file = suggest(topics, { zone, machineZone: 'America/Chicago', folder: '/' });
  expect(file).toMatch(new RegExp(`^${line}`, 'm'));
  const [reading] = judge(readTopics(file, { zone }), all[0]!).readings;
  expect(Math.abs(reading!.time - arrival)).toBeLessThan(60_000_000);
});

test('what devices say again beside what a preset takes is ignored', () => {
  const seen = seeing([
    [
      'rtl_433/pi/events',
      { time: '2025-11-12T10:15:00', model: 'Prologue-TH', id: 147, temperature_C: 21.5 },
    ],
    ['rtl_433/pi/devices/Prologue-TH/147/temperature_C', '21.5'],
    [
      'shellyplus1-a8/events/rpc',
      { method: 'NotifyStatus', params: { ts: 1762942500, 'switch:0': { apower: 8.5 } } },
    ],
    ['shellyplus1-a8/status/switch:0', { id: 0, apower: 8.5 }],
    ['shellyplus1-a8/online', 'true'],
    ['N/e0ff/system/0/Ac/Power', { value: 12 }],
    ['N/e0ff/heartbeat', { value: 1762942500 }],
    ['N/e0ff/full_publish_completed', { value: 1762942500 }],
    ['owntracks/jane/phone', { _type: 'location', lat: 52.5, lon: 13.4, tst: 1762942500 }],
    ['owntracks/jane/phone/event', { _type: 'transition', lat: 52.5, lon: 13.4, tst: 1762942500 }],
    ['homeassistant/sensor/outdoor/state', '21.5'],
    ['homeassistant/sensor/outdoor/precision', '2'],
    ['garden/online', 'true'],
  ]);
  const found = outcomes(seen);
  expect(Object.keys(found).filter(topic => found[topic] === 'ignored')).toEqual([
    'rtl_433/pi/devices/Prologue-TH/147/temperature_C',
    'shellyplus1-a8/status/switch:0',
    'shellyplus1-a8/online',
    'N/e0ff/heartbeat',
    'N/e0ff/full_publish_completed',
    'owntracks/jane/phone/event',
    'homeassistant/sensor/outdoor/precision',
  ]);
  expect(Object.values(found).filter(outcome => outcome === 'readings')).toHaveLength(6);
});

/** The readings that the file that was suggested from one message makes of it. */
function idsOf(payload: unknown) {
  const { all, file } = seeing([['lab/x', payload]]);
  return judge(readTopics(file, { zone: 'UTC' }), all[0]!).readings.map(({ sensorId, value }) => [
    sensorId,
    value,
  ]);
}

test('times and ids are not values', () => {
  const status = {
    uptime: 17,
    id: 5,
    node_id: 7,
    sent_ts: 12,
    boot: 1762942000,
    wifi: { since: 1762942500123, rssi: -60 },
  };
  expect(idsOf(status)).toEqual([
    ['lab/x/uptime', 17],
    ['lab/x/wifi.rssi', -60],
  ]);
  expect(seeing([['lab/x', { id: 5, ts: 1762942500 }]]).file).toContain(
    '(JSON with no numbers but times and ids)',
  );
});

test('items of an array are told apart by their ids', () => {
  const readings = [
    ['lab/x/a1/t', 21.5],
    ['lab/x/b2/t', 22.5],
  ];
  const items = [
    { id: 'a1', t: 21.5, ts: 1762942500 },
    { id: 'b2', t: 22.5, ts: 1762942501 },
  ];
  expect(idsOf({ sensors: items })).toEqual(readings);
  expect(seeing([['lab/x', { sensors: items, id: 3, uptime: 17 }]]).file).toContain(
    'each: "sensors" # Not taken, as it stands beside: uptime\n',
  );
  expect(idsOf(items)).toEqual(readings);
  expect(idsOf([{ mac: 7, t: 1 }])).toEqual([['lab/x/7/t', 1]]);
});
