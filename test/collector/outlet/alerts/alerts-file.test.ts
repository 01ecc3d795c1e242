import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { YamlFileError } from '../../../../base/positioned-yaml.ts';
import { readAlerts } from '../../../../collector/outlet/alerts/alerts-file.ts';
import { alertsJsonSchema } from '../../../../collector/outlet/alerts/alerts-schema.ts';

function problems(yaml: string): readonly string[] {
  try {
    readAlerts(yaml, 'a.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof YamlFileError)) throw error;
    return error.problems;
  }
}

test('a rule says what holds for whom, for how long, and who is told', () => {
  const { receivers, rules } = readAlerts(`
receivers:
  - {name: chat, kind: webhook, url: https://chat.example/x, template: slack}
rules:
  - {name: silent, when: silent, for: 5min, to: [chat]}
  - {name: hot, when: value, above: 30, margin: 2, sensors: hall/*, group: location}
  - {name: disk, when: disk}
`);
  expect(receivers).toMatchObject([{ name: 'chat', template: 'slack' }]);
  expect(rules).toMatchObject([
    {
      name: 'silent',
      intervals: 3,
      for: 300_000,
      keep: 120_000,
      severity: 'ticket',
      sensors: ['*'],
      group: 'rule',
    },
    { name: 'hot', above: 30, margin: 2, within: '1min', sensors: ['hall/*'], group: 'location' },
    { name: 'disk', free_percent: 10, for: 60_000 },
  ]);
});

test('every mistake is reported at once, with line and column', () => {
  expect(
    problems(`receivers:
  - {name: mail, kind: email, server: http://x, from: nobody, to: a@b}
rules:
  - {name: a, when: silent, intervals: 0, to: [mail, fax]}
  - {name: a, when: full-moon}
  - {name: b, when: stuck, share: 2, for: soon, colour: red}
`),
  ).toEqual([
    'a.yaml:2:31: server must be a URL that begins with smtp:// or smtps://',
    'a.yaml:2:49: from must be an address such as ops@example.com',
    'a.yaml:4:29: intervals must be at least 1',
    'a.yaml:4:54: to must name receivers: there is no "fax"',
    `a.yaml:5:15: when must be one of silent, out_of_range, stuck, jumps, rejected, late, duplicates, conflicts, unknown, value, change, score, verdict, degraded, disk, lag, fsync`,
    'a.yaml:6:28: share must be at most 1',
    'a.yaml:6:38: for must be a length of time such as 5min, or 0',
    'a.yaml:6:49: colour is not known here',
  ]);
});

test('the schema for editors is that of the code; npm run docs writes it', async () => {
  const file = join(import.meta.dirname, '../../../../docs/alerts.schema.json');
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(alertsJsonSchema());
});
