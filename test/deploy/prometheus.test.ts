import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { metricsPage } from '../../docs/metrics.ts';

const FOLDER = join(import.meta.dirname, '../../deploy/prometheus');
const rules = readFileSync(join(FOLDER, 'alerts.yml'), 'utf8');

/** Left out where it is not installed; CI has to have it. */
const withoutPromtool = spawnSync('promtool', ['--version']).error !== undefined && !process.env.CI;

const promtool = async (...args: string[]) =>
  (await promisify(execFile)('promtool', args, { cwd: FOLDER })).stdout;

test.skipIf(withoutPromtool)('Prometheus takes the configuration and the rules', async () => {
  expect(await promtool('check', 'config', '--syntax-only', 'prometheus.yml')).toContain('SUCCESS');
  expect(await promtool('check', 'rules', 'alerts.yml')).toContain('SUCCESS');
});

test.skipIf(withoutPromtool)('the alerts fire when they should, and not when they should not', async () => {
  expect(await promtool('test', 'rules', 'alerts.test.yml')).toContain('SUCCESS');
});

test('every alert has been seen to fire in alerts.test.yml', () => {
  const names = (parse(rules).groups as { rules: { alert: string }[] }[]).flatMap(({ rules }) =>
    rules.map(({ alert }) => alert),
  );
  expect(names.length).toBeGreaterThan(5);
  const tests = readFileSync(join(FOLDER, 'alerts.test.yml'), 'utf8');
  expect(names.filter(name => !tests.includes(name))).toEqual([]);
});

test('the rules and the dashboards ask for metrics that there are', () => {
  const dashboard = readFileSync(join(FOLDER, '../grafana/dashboards/pipeline.json'), 'utf8');
  const known = new Set([...metricsPage().matchAll(/`((?:sluice|process)_\w+)`/g)].map(([, name]) => name!));
  const asked = [...`${rules}${dashboard}`.matchAll(/\b(?:sluice|process)_\w+/g)].map(([name]) => name);
  expect(asked.length).toBeGreaterThan(20);
  expect([...new Set(asked)].filter(name => !known.has(name.replace(/_(?:bucket|sum|count)$/, '')))).toEqual(
    [],
  );
});
