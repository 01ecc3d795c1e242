import { basename } from 'node:path';
import {
  PositionedYaml,
  readYamlFile,
  reportIssues,
  reportRepeatedNames,
  YamlFileError,
} from '../../../base/positioned-yaml.ts';
import { alertsOutline, type ReceiverEntry, type RuleEntry, schemaOf } from './alerts-schema.ts';
import type { ReceiverDefaults } from './receiver.ts';
import { receiverKinds } from './receivers.ts';
import { ruleKinds } from './rules.ts';

/** What problems call the file. */
const WHAT = 'alerts file (ALERTS_FILE)';

/** What the file says. */
export interface AlertsFile {
  receivers: readonly ReceiverEntry[];
  rules: readonly RuleEntry[];
}

/**
 * Reads the file that ALERTS_FILE names.
 * @throws {YamlFileError} with every mistake at once, or because there is no such file.
 */
export function readAlertsFile(path: string, defaults: ReceiverDefaults): AlertsFile {
  return readAlerts(readYamlFile(path, WHAT), basename(path), defaults);
}

/**
 * Reads an alerts file's text.
 * @param name what problems call the file.
 * @throws {YamlFileError} with every mistake at once.
 */
export function readAlerts(
  text: string,
  name = 'alerts file',
  defaults: ReceiverDefaults = { mail: {} },
): AlertsFile {
  const yaml = new PositionedYaml(text, name);
  const { data, error } = alertsOutline.safeParse(yaml.read());
  // A file that is not YAML is not held against a schema.
  if (error !== undefined && yaml.problems.length === 0)
    reportIssues(error.issues, (at, message) => yaml.report(at, message));
  const read = (list: 'rules' | 'receivers') => {
    const entries = data?.[list] ?? [];
    reportRepeatedNames(entries, [list], (path, message) => yaml.report(path, message));
    return entries.flatMap((entry, index) => {
      const at = [list, index];
      const { data: valid, error } = schemaOf(list, entry).safeParse(entry);
      reportIssues(error?.issues ?? [], (path, message) => yaml.report(path, message), at);
      if (error !== undefined) return [];
      const report = (key: string, message: string) => yaml.report([...at, key], message);
      if (list === 'receivers') return [completeReceiver(valid as ReceiverEntry, defaults, report)];
      examineRule(valid as RuleEntry, report);
      return [valid];
    });
  };
  const receivers = read('receivers') as ReceiverEntry[];
  const rules = read('rules') as RuleEntry[];
  const said = data?.receivers ?? [];
  for (const [index, rule] of (data?.rules ?? []).entries()) {
    const { to } = rule as { to?: unknown };
    if (!Array.isArray(to)) continue;
    for (const [place, receiver] of to.entries()) {
      if (!said.some(entry => (entry as { name?: unknown } | null)?.name === receiver))
        yaml.report(
          ['rules', index, 'to', place],
          `must name receivers: there is no ${JSON.stringify(receiver)}`,
        );
    }
  }
  if (yaml.problems.length > 0) throw new YamlFileError(WHAT, yaml.problems);
  return { receivers, rules };
}

function completeReceiver(
  receiver: ReceiverEntry,
  defaults: ReceiverDefaults,
  report: (key: string, message: string) => void,
): ReceiverEntry {
  const complete = receiverKinds.find(({ name }) => name === receiver.kind)?.complete;
  return (complete?.(receiver, defaults, report) as ReceiverEntry | undefined) ?? receiver;
}

/** Reports what is wrong with a rule whose keys are right one by one. */
function examineRule(rule: RuleEntry, report: (key: string, message: string) => void): void {
  ruleKinds.find(({ name }) => name === rule.when)?.examine?.(rule, report);
}
