import { Access } from '../../base/http/access.ts';
import { nearestNames } from '../../base/nearest.ts';
import { parseTime, zoneOf } from '../../base/time.ts';
import { splitLines } from '../../collector/bronze/line-reader.ts';
import { RawFileName } from '../../collector/bronze/raw-file-name.ts';
import { readEnvelope, writeEnvelope } from '../../collector/payload/envelope.ts';
import { equipmentMessages } from '../../collector/payload/equipment.ts';
import { MAX_MADE_ID, MAX_PAYLOAD_BYTES } from '../../collector/payload/reading.ts';
import { SluiceDecoder } from '../../collector/payload/sluice-decoder.ts';
import { readTextLines } from '../../collector/payload/text-lines.ts';
import { readTopics } from '../../collector/payload/topics-file.ts';
import { readDate, readRange } from '../../collector/serve/times.ts';
import { jsonItems, ndjsonItems } from '../../collector/source/http/json-items.ts';
import { topicOfSubject } from '../../collector/source/jetstream/topic.ts';
import { measurementColumns } from '../../commands/import/columns.ts';
import { readCsv } from '../../commands/import/csv.ts';
import { readJsonArray, readJsonLines } from '../../commands/import/json.ts';
import { LineMaker } from '../../commands/import/line-maker.ts';
import type { Rows } from '../../commands/import/rows.ts';

/** What reads input from outside. */
export interface Parser {
  name: string;
  /** No input is longer. */
  most: number;
  seeds: Buffer[];
  /** Set where it runs in a process or thread that nobody else waits for. */
  isAlone?: true;
  parse(input: Buffer): unknown;
}

/** The same, item by item: others have the thread in between. */
export interface ItemParser extends Omit<Parser, 'parse'> {
  items(input: Buffer): Iterable<unknown> | AsyncIterable<unknown>;
}

/** The largest body by default (HTTP_MAX_BODY_BYTES), and what fits into a URL or a header. */
const BODY = 8 * 1024 * 1024;
const HEAD = 8 * 1024;
/** The longest id that a reading may have. */
const ID = 4 * MAX_MADE_ID;
/** The longest topic of MQTT. */
const TOPIC = 65_535;
/** What an import reads at once. */
const CHUNK = 512 * 1024;

const zone = zoneOf('Europe/Vienna');
const now = Date.UTC(2026, 0, 1) * 1000;
const texts = (...all: string[]) => all.map(text => Buffer.from(text));
const base64 = (...all: string[]) => all.map(text => Buffer.from(text, 'base64'));

const times = texts(
  '2025-11-12T10:15:01.123456+01:00',
  '2025-11-12',
  '20251112T101501Z',
  '2025-11-12 10:15:01 UTC',
);
const reading = '{"id": "Sensor 1", "dt": "2025-11-12T10:15:01.000Z", "value": 25}';
const decoder = new SluiceDecoder(zone);
const access = new Access([{ hash: Buffer.alloc(32), rights: new Set(['read']) }] as never);
const requestOf = (authorization: string) =>
  ({ headers: { authorization, host: 'localhost' }, ip: '::1' }) as never;
const names = Array.from({ length: 1000 }, (_, n) => `Sensor ${n}`);

const general: Parser[] = [
  { name: 'time', most: MAX_PAYLOAD_BYTES, seeds: times, parse: input => parseTime(input.toString(), zone) },
  {
    name: 'message',
    most: MAX_PAYLOAD_BYTES,
    seeds: texts(reading),
    parse: input => decoder.decode('', input, now),
  },
  {
    name: 'envelope',
    most: 2 * MAX_PAYLOAD_BYTES,
    seeds: [
      writeEnvelope({
        arrival: now,
        topic: 'a/b',
        payload: Buffer.from('{"a": 1}'),
        qos: 1,
        packetId: 7,
        session: 's',
      }),
      writeEnvelope({ arrival: now, topic: 'a"/b', payload: Buffer.from([255, 0]), notes: { a: [1] } }),
    ],
    parse: readEnvelope,
  },
  {
    name: 'equipment',
    most: MAX_PAYLOAD_BYTES,
    seeds: texts(
      '{"equipment_id": "PUMP-A1-001", "timestamp": "2025-11-12T10:15:01Z", "measurements": {"a": 1}}',
    ),
    parse: input => equipmentMessages(JSON.parse(input.toString()), /^[A-Z]+-[A-Z0-9]+-\d{3}$/),
  },
  { name: 'range', most: HEAD, seeds: times, parse: input => readRange(input.toString(), input.toString()) },
  { name: 'date', most: HEAD, seeds: times, parse: input => readDate('date', input.toString()) },
  {
    name: 'token',
    most: HEAD,
    seeds: texts('Bearer 0123456789abcdef', 'Bearer   x  '),
    parse: input => access.allows(requestOf(input.toString()), 'read'),
  },
  {
    name: 'nearest',
    most: 50,
    seeds: texts('Sensor 1', 'sensor_00007'),
    parse: input => nearestNames(input.toString(), names),
  },
];

/** Of messages that the topics file describes: an entry of each format, and messages of it. */
const topics = readTopics(
  `topics:
    - { filter: "number/{device}", format: number, sensor: "{device}", map: { ON: 1 } }
    - filter: "json/{device#}"
      format: json
      sensor: "{device}/{path}"
      values: { temperature: { unit: °C }, "a.**": { map: { ON: 1 } }, "*": {} }
      except: [b.**]
      time: { path: last_seen, missing: arrival }
    - { filter: "influx/#", format: influx }
    - { filter: "senml/#", format: senml }
    - { filter: "ruuvi/{gateway}/{tag}", format: ruuvi, sensor: "{tag}/{path}" }
    - { filter: "spBv1.0/#", format: sparkplug, map: { "true": 1 } }
    - { filter: "homie/5/{device}/$description", format: homie, retained: take }
    - { filter: "homie/5/{device}/{node}/{property}", format: homie, sensor: "{device}/{node}/{property}" }
    - { filter: "+/+/+/a/#", ignore: true }
    - { filter: "+/a/+/b", ignore: true }`,
  { zone: 'Europe/Vienna' },
);

const messages: [name: string, topic: string, seeds: Buffer[]][] = [
  ['number', 'number/1', texts('21.5', ' -1e-3 ', 'ON')],
  [
    'json',
    'json/a/b',
    texts('{"temperature": 21.5, "a": {"b": ["ON", 1]}, "last_seen": "2025-11-12T10:15:01Z"}'),
  ],
  ['influx', 'influx/1', texts('m,a=1,b=c\\ d x=1.5,y=2i,z="a, b" 1762942501000000000\n# c\nm x=t')],
  ['senml', 'senml/1', texts('[{"bn":"a:","bt":1.7e9,"bu":"A","n":"b","v":1},{"n":"c","t":-5,"vb":true}]')],
  [
    'ruuvi',
    'ruuvi/GW/CB:B8',
    texts(
      '{"gwts":"1659365432","ts":"1659365222","data":"0201061BFF99040512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F","rssi":-62}',
    ),
  ],
  [
    'sparkplug birth',
    'spBv1.0/G/DBIRTH/E/D',
    base64(
      'CIiBv7ynMxISCgViZFNlcRiIgb+8pzMgCFgHEjIKClRlbXAvSW5sZXQQARiIgb+8pzMgCkoQCgdlbmdVbml0EgVCA8KwQ2kAAAAAAIA1QBIMCgF4EAIgDHoDYWJjGAA=',
    ),
  ],
  ['sparkplug data', 'spBv1.0/G/DDATA/E/D', base64('CIiBv7ynMxIUEAEYiIG/vKczIAppAAAAAACANUAYAQ==')],
  [
    'homie description',
    'homie/5/d/$description',
    texts('{"homie":"5.0","nodes":{"n":{"properties":{"p":{"unit":"°C","datatype":"float"}}}}}'),
  ],
  ['homie', 'homie/5/d/n/p', texts('21.5', 'true')],
];

const ofFormats = messages.map(([name, topic, seeds]): Parser => {
  const { decoder } = topics.find(topic)!;
  return {
    name: `format ${name}`,
    most: MAX_PAYLOAD_BYTES,
    seeds,
    parse: input => decoder.decode(topic, input, now, decoder.annotate?.(topic, input)),
  };
});

const ofTopics: Parser[] = [
  {
    name: 'topic',
    most: TOPIC,
    seeds: texts('json/a/b', 'homie/5/d/n/p', 'x/y/z/a/b', 'x/a/z/b'),
    parse: input => {
      const topic = input.toString();
      topics.find(topic)?.decoder.decode(topic, Buffer.from('1'), now);
      RawFileName.ofMessage(topic, now);
    },
  },
  {
    name: 'NATS subject',
    most: TOPIC,
    seeds: texts('sensors.1', '/.a//b./'),
    parse: input => topicOfSubject(input.toString()),
  },
  {
    name: 'sensor id',
    most: ID,
    seeds: texts('Sensor 1', 'ü~*'),
    parse: input => RawFileName.ofReading(input.toString(), now).apart(input.toString()),
  },
  // By the loader's thread.
  {
    name: 'raw lines',
    most: CHUNK,
    isAlone: true,
    seeds: texts(`${reading}\n`),
    parse: input => [...splitLines(input, 0)],
  },
];

/** What reads all that it may be given in one go. */
export const parsers: readonly Parser[] = [...general, ...ofFormats, ...ofTopics];

type ReadFile = (
  chunks: AsyncIterable<Buffer>,
  selection: ReturnType<typeof measurementColumns>,
) => AsyncIterable<Rows>;

/** Reads a file as an import does, and makes lines of its rows. */
function imported(read: ReadFile) {
  return async function* (input: Buffer) {
    const maker = new LineMaker({ mapping: undefined, zone, unit: 's', now: now / 1000 });
    const chunks = async function* () {
      yield input;
    };
    for await (const { cells, lines, problems } of read(chunks(), measurementColumns({}))) {
      yield lines.map(
        (_, row) => problems.get(row) ?? maker.make(cells[0]![row], cells[1]![row], cells[2]![row]),
      );
    }
  };
}

export const itemParsers: readonly ItemParser[] = [
  { name: 'lines', most: BODY, seeds: texts('1649941817 Voltage 1.34\n1 a b 1\n'), items: readTextLines },
  {
    name: 'array',
    most: BODY,
    seeds: texts(`[${reading}, ${reading}]`, `[[{"a": "\\"]"}]]`),
    items: jsonItems,
  },
  { name: 'NDJSON', most: BODY, seeds: texts(`${reading}\n${reading}\n`), items: ndjsonItems },
  {
    name: 'import of CSV',
    most: CHUNK,
    isAlone: true,
    seeds: texts('id,dt,value\nSensor 1,2025-11-12T10:15:01Z,25\n"a ""b""",2025-11-12 10:15:01,1e3\n'),
    items: imported(readCsv),
  },
  {
    name: 'import of JSON Lines',
    most: CHUNK,
    isAlone: true,
    seeds: texts(`${reading}\n${reading}\n`),
    items: imported(readJsonLines),
  },
  {
    name: 'import of a JSON array',
    most: CHUNK,
    isAlone: true,
    seeds: texts(`[${reading},\n${reading}]`),
    items: imported(readJsonArray),
  },
];
