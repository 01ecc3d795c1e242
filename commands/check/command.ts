import type { Command } from 'commander';
import type { Config } from '../../base/config.ts';
import { misspeltSettings, readConfig, SettingsError } from '../../base/config.ts';
import { UsageError } from '../../base/errors.ts';
import { readTokens } from '../../base/http/access.ts';
import { configuredAlerts, configuredOutlets } from '../../collector/configured-files.ts';
import { configuredTopics } from '../../collector/payload/configured-topics.ts';
import type { Topics } from '../../collector/payload/topics.ts';
import { readRegistry } from '../../collector/silver/registry-file.ts';
import { counted } from '../output/counted.ts';
import { withRunningServers } from '../running-servers.ts';
import { checkArchive } from './archive.ts';
import { checkBroker } from './broker.ts';
import { checkDatabase } from './database.ts';
import { type Finding, Findings } from './finding.ts';
import { checkClock, checkDisk, checkPorts } from './machine.ts';

export default (command: Command) =>
  command.option('--json', 'the findings as JSON').action(async ({ json }: { json?: boolean }) => {
    const findings = await findingsOf(process.env);
    process.stdout.write(json ? `${JSON.stringify(findings, null, 2)}\n` : textOf(findings));
    process.exitCode = statusOf(findings);
  });

const FILES = new Set(['settings', 'topics', 'sensors', 'tokens', 'outlets', 'alerts']);

/** 2 where settings or the files that they name are wrong, 1 where something else does not work; advice is not a failure. */
function statusOf(findings: Finding[]): number {
  const failed = findings.filter(({ result }) => result === 'failed');
  if (failed.some(({ of }) => FILES.has(of))) return 2;
  return failed.length > 0 ? 1 : 0;
}

/** Looks at everything that a collector needs. Wrong settings are all that is said, as nothing else means anything then. */
async function findingsOf(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const settings = new Findings('settings');
  let config: Config;
  try {
    config = await withRunningServers(readConfig(env));
    settings.ok('all are valid');
    for (const { name, meant } of misspeltSettings(env))
      settings.advise(`${name} is not a setting${meant}`, 'correct or remove it');
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    for (const problem of error.problems) settings.fail(problem, 'correct it in the environment or in .env');
    return settings.all;
  }
  let topics: Topics | undefined;
  const files = [
    await checkFile('topics', () => {
      topics = configuredTopics(config);
      return topicsText(config, topics);
    }),
    await checkFile('sensors', async () => sensorsText(config)),
    await checkFile('tokens', async () => tokensText(config)),
    await checkFile('outlets', () => outletsText(config, topics)),
    await checkFile('alerts', () => alertsText(config)),
  ];
  const rest = [
    await checkBroker(config, topics?.filters),
    await checkDatabase(config),
    ...(config.ARCHIVE_URL === undefined ? [] : [await checkArchive(config, config.ARCHIVE_URL)]),
    await checkDisk(config),
    await checkClock(),
    await checkPorts(config),
  ];
  return [settings, ...files, ...rest].flatMap(({ all }) => all);
}

/** A file that the settings name: what it holds, or all that is wrong with it. */
async function checkFile(of: string, read: () => Promise<string> | string): Promise<Findings> {
  const findings = new Findings(of);
  try {
    findings.ok(await read());
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const { problems = [error.message] } = error as { problems?: readonly string[] };
    for (const problem of problems) findings.fail(problem, 'correct the file, or the setting that names it');
  }
  return findings;
}

function topicsText(config: Config, { filters }: Topics): string {
  return `${config.TOPICS_FILE ?? 'MQTT_TOPICS'}: ${counted([...filters].length, 'topic filter')}`;
}

async function sensorsText({ SENSORS_FILE: file }: Config): Promise<string> {
  const sensors = await readRegistry(file);
  return file === null ? 'the registry is the database’s' : `${file}: ${counted(sensors.length, 'sensor')}`;
}

async function tokensText({ HTTP_TOKENS_FILE: file }: Config): Promise<string> {
  const tokens = await readTokens(file);
  return tokens === undefined
    ? 'none: everybody on this machine may read, ingest and reload'
    : `${file}: ${counted(tokens.length, 'token')}`;
}

function outletsText(config: Config, topics: Topics | undefined): string {
  const outlets = configuredOutlets(config, topics);
  return config.OUTLETS_FILE === undefined
    ? 'none'
    : `${config.OUTLETS_FILE}: ${counted(outlets.length, 'outlet')}`;
}

function alertsText(config: Config): string {
  const { rules = [], receivers = [] } = configuredAlerts(config) ?? {};
  if (config.ALERTS_FILE === undefined) return 'none';
  return `${config.ALERTS_FILE}: ${counted(rules.length, 'rule')}, ${counted(receivers.length, 'receiver')}`;
}

const marks: Record<Finding['result'], string> = { ok: 'OK  ', advice: 'note', failed: 'NO  ' };

function textOf(findings: Finding[]): string {
  return findings
    .map(
      ({ of, result, what, todo }) => `${marks[result]}  ${of.padEnd(9)}${what}${todo ? `: ${todo}` : ''}\n`,
    )
    .join('');
}
