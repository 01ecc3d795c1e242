import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { YamlFileError } from '../../../../base/positioned-yaml.ts';
import { readAlerts } from '../../../../collector/outlet/alerts/alerts-file.ts';
import { alertsJsonSchema } from '../../../../collector/outlet/alerts/alerts-schema.ts';
import { pipelineRuleKinds } from '../../../../collector/outlet/alerts/pipeline-rules.ts';
import { receiverKinds } from '../../../../collector/outlet/alerts/receivers.ts';
import { ruleKinds } from '../../../../collector/outlet/alerts/rules.ts';

const ruleNames = [...ruleKinds, ...pipelineRuleKinds].map(({ name }) => name).join(', ');

function problems(yaml: string): readonly string[] {
  try {
    readAlerts(yaml, 'a.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof YamlFileError)) throw error;
    return error.problems;
  }
}

const wrong = [null, true, 1.5, -1, '', [], [1], {}, { env: 1 }, { file: [] }, { 'a b': 1 }];
const says = /^a\.yaml:\d+:\d+: .*(?:must|is not known here|is not there or empty)/;

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
    'a.yaml:5:6: name must not be there twice: a',
    `a.yaml:5:15: when must be one of ${ruleNames}`,
    'a.yaml:6:28: share must be at most 1',
    'a.yaml:6:38: for must be a length of time such as 5min, or 0',
    'a.yaml:6:49: colour is not known here',
  ]);
});

test.each([
  [
    '{name: a, when: value}',
    'when value must have above, below or both: without a limit it would never fire',
  ],
  [
    '{name: a, when: value, above: 10, below: 20}',
    'margin 0 must leave room between below (20) and above (10): it could never resolve',
  ],
  [
    '{name: a, when: value, above: 10, below: 0, margin: 6}',
    'margin 6 must leave room between below (0) and above (10): it could never resolve',
  ],
  [
    '{name: a, when: stuck, share: 0.1, back: 0.2}',
    'back must be at most share, which is 0.1: it resolves there',
  ],
  ['{name: a, when: late, back: 0.2}', 'back must be at most share, which is 0: it resolves there'],
  [
    '{name: a, when: score, below: 80, back: 70}',
    'back must be at least below, which is 80: it resolves there',
  ],
  ['{name: a, when: verdict, is: [bad]}', 'is must be warning or critical'],
  [
    '{name: a, when: degraded, reasons: [broker_gone]}',
    expect.stringMatching(/^reasons must be one of broker_away, .*, not_recording$/),
  ],
  ['{name: a, when: change}', 'by must be a number'],
])('a rule that cannot be meant is a mistake: %s', (rule, problem) => {
  const found = problems(`rules: [${rule}]`);
  expect(found.map(text => text.replace(/^a\.yaml:1:\d+: /, ''))).toEqual([problem]);
});

test('names that are there twice are told of in the same round as what else is wrong', () => {
  expect(
    problems('rules: [{name: a, when: silent}, {name: a, when: full-moon}]').map(text => text.slice(0, 51)),
  ).toEqual([
    'a.yaml:1:35: name must not be there twice: a',
    'a.yaml:1:44: when must be one of silent, out_of_ran',
  ]);
});

test.each([...ruleKinds, ...pipelineRuleKinds].map(kind => [kind.name, kind] as const))(
  'a rule about %s: each problem says what is allowed',
  (_, kind) => {
    for (const key of [
      'name',
      'severity',
      'for',
      'keep',
      'to',
      'sensors',
      'group',
      ...Object.keys(kind.options),
    ])
      for (const value of wrong) {
        const rule = { name: 'a', when: kind.name, [key]: value };
        for (const problem of problems(JSON.stringify({ rules: [rule] }))) expect(problem).toMatch(says);
      }
  },
);

test.each(receiverKinds.map(kind => [kind.name, kind] as const))(
  'a receiver of kind %s: each problem says what is allowed',
  (_, kind) => {
    for (const key of ['name', ...Object.keys(kind.options)])
      for (const value of wrong) {
        const receiver = { name: 'a', kind: kind.name, [key]: value };
        const rules = [{ name: 'a', when: 'silent' }];
        for (const problem of problems(JSON.stringify({ receivers: [receiver], rules })))
          expect(problem).toMatch(says);
      }
  },
);

test('mail goes by SMTP_URL and SMTP_FROM, unless a receiver says otherwise; one of both must', () => {
  const yaml = `receivers:
  - {name: a, kind: email, to: x@example.com}
  - {name: b, kind: email, to: x@example.com, server: 'smtp://other', from: b@example.com}
rules: [{name: r, when: lag}]`;
  const mail = { server: 'smtp://mail.example', from: 'a@example.com' };
  expect(readAlerts(yaml, 'a.yaml', { mail }).receivers).toMatchObject([
    { name: 'a', server: 'smtp://mail.example', from: 'a@example.com' },
    { name: 'b', server: 'smtp://other', from: 'b@example.com' },
  ]);
  expect(problems(yaml)).toEqual([
    'a.yaml:2:5: server must be there, unless SMTP_URL is set',
    'a.yaml:2:5: from must be there, unless SMTP_FROM is set',
  ]);
});

test('the schema for editors is that of the code; npm run docs writes it', async () => {
  const file = join(import.meta.dirname, '../../../../docs/alerts.schema.json');
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(alertsJsonSchema());
});
