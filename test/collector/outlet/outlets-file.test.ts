import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { YamlFileError } from '../../../base/positioned-yaml.ts';
import type { Surroundings } from '../../../collector/outlet/kind.ts';
import { kinds } from '../../../collector/outlet/kinds.ts';
import { readOutlets } from '../../../collector/outlet/outlets-file.ts';
import { outletsJsonSchema } from '../../../collector/outlet/outlets-schema.ts';

const kindNames = kinds.map(({ name }) => name).join(', ');
const surroundings: Surroundings = { broker: 'mqtt://127.0.0.1:1883', subscribed: [['sensors', '#']] };

function problems(yaml: string, around = surroundings): readonly string[] {
  try {
    readOutlets(yaml, around, 'o.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof YamlFileError)) throw error;
    return error.problems;
  }
}

test('an outlet says who is fed with what; all but name, kind and url have a default', () => {
  const [outlet, ...others] = readOutlets(
    'outlets:\n  - {name: predictions, kind: redis-list, url: redis://localhost, sensors: line1/*}',
    surroundings,
  );
  expect(others).toEqual([]);
  expect(outlet).toEqual({
    name: 'predictions',
    kind: 'redis-list',
    url: 'redis://localhost',
    key: 'sensor_data_queue',
    shape: 'equipment',
    max_length: 1_000_000,
    send: 'readings',
    sensors: ['line1/*'],
    quality: ['valid', 'out_of_range', 'unknown_sensor'],
    from: 'now',
    in_flight: 5000,
  });
});

test('every mistake is reported at once, with line and column', () => {
  const yaml = `outlets:
  - {name: a b, kind: redis-stream, url: http://x, quality: god}
  - name: twice
    kind: pigeon
  - {name: hook, kind: webhook, url: https://x/, secret: short, colour: red}
  - {name: hook, kind: jetstream, url: nats://x, subject: a.*, from: yesterday, in_flight: 0}
`;
  expect(problems(yaml)).toEqual([
    'o.yaml:2:6: name must be 1 to 64 letters, digits, underscores or hyphens',
    'o.yaml:2:37: url must be a URL that begins with redis:// or rediss://',
    'o.yaml:2:52: quality must be one of valid, out_of_range, unknown_sensor, or a list of them',
    `o.yaml:4:5: kind must be one of ${kindNames}`,
    'o.yaml:5:50: secret must have at least 16 characters',
    'o.yaml:5:65: colour is not known here',
    'o.yaml:6:6: name must not be there twice: hook',
    'o.yaml:6:50: subject must be a subject without wildcards, such as sluice.readings',
    'o.yaml:6:64: from must be now, beginning, or a date such as 2025-11-12',
    'o.yaml:6:81: in_flight must be at least 1',
  ]);
  expect(problems('- 1')).toEqual(['o.yaml:1:1: must be a map with the key outlets']);
});

test('a name may not be there twice, which is said in the same round as what else is wrong', () => {
  const entry = '{name: a, kind: redis-stream, url: redis://x}';
  expect(problems(`outlets: [${entry}, ${entry}]`)).toEqual(['o.yaml:1:59: name must not be there twice: a']);
  expect(problems(`outlets: [${entry}, {name: a, kind: pigeon}]`)).toEqual([
    'o.yaml:1:59: name must not be there twice: a',
    `o.yaml:1:68: kind must be one of ${kindNames}`,
  ]);
});

test.each(kinds.map(kind => [kind.name, kind] as const))(
  '%s: each problem says what is allowed',
  (_, kind) => {
    const keys = ['name', 'send', 'sensors', 'quality', 'from', 'in_flight', ...Object.keys(kind.options)];
    const wrong = [null, true, 1.5, -1, '', [], [1], {}, { env: 1 }, { file: [] }, { 'a b': 1 }];
    for (const key of keys)
      for (const value of wrong) {
        const entry = { name: 'a', kind: kind.name, url: 'redis://x', [key]: value };
        for (const problem of problems(JSON.stringify({ outlets: [entry] })))
          expect(problem).toMatch(/^o\.yaml:\d+:\d+: .*(?:must|is not known here|is not there or empty)/);
      }
  },
);

test('a list has room for a batch', () => {
  const entry = '{name: a, kind: redis-list, url: redis://x, max_length: 100}';
  expect(problems(`outlets: [${entry}]`)).toEqual([
    'o.yaml:1:55: max_length must be at least in_flight, which is 5000: a batch goes in as a whole',
  ]);
});

test('a secret may be an environment variable; one that is not there is a mistake', () => {
  process.env.OUTLET_TEST_URL = 'redis://:secret@localhost';
  const entry = (name: string) => `outlets: [{name: a, kind: redis-stream, url: {env: ${name}}}]`;
  expect(readOutlets(entry('OUTLET_TEST_URL'), surroundings)[0]).toMatchObject({
    url: 'redis://:secret@localhost',
  });
  expect(problems(entry('OUTLET_TEST_NONE'))).toEqual([
    'o.yaml:1:41: url names OUTLET_TEST_NONE, which is not there or empty',
  ]);
});

test.each([
  ['mqtt://localhost', 'sensors/clean', true],
  ['mqtt://localhost:1884', 'sensors/clean', false],
  ['mqtt://127.0.0.1:1883', 'clean', false],
  ['mqtt://elsewhere', 'sensors', false],
])('republishing at %s below %s would come back: %s', (url, prefix, comesBack) => {
  const found = problems(`outlets: [{name: a, kind: mqtt, url: '${url}', prefix: ${prefix}}]`);
  expect(found.length > 0).toBe(comesBack);
});

test('who subscribes to everything cannot republish at the same broker', () => {
  const around = { ...surroundings, subscribed: [['#']] };
  expect(problems('outlets: [{name: a, kind: mqtt, url: mqtt://localhost, prefix: clean}]', around)).toEqual([
    'o.yaml:1:56: prefix must not lie within #, which the collector subscribes to at the same broker: it would record what it sends',
  ]);
});

test('the schema for editors is that of the code; npm run docs writes it', async () => {
  const file = join(import.meta.dirname, '../../../docs/outlets.schema.json');
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(outletsJsonSchema());
});
