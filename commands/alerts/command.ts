import type { Command } from 'commander';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { errorText, UsageError } from '../../base/errors.ts';
import { configuredAlerts } from '../../collector/configured-files.ts';
import { type Alert, alertView } from '../../collector/outlet/alerts/alert.ts';
import { recentAlerts } from '../../collector/outlet/alerts/database-store.ts';
import { FileStore } from '../../collector/outlet/alerts/file-store.ts';
import { noticesOf } from '../../collector/outlet/alerts/notice.ts';
import { sendTo } from '../../collector/outlet/alerts/round.ts';
import { withDatabase } from '../database.ts';
import { answerOf, type Column } from '../output/answer.ts';
import { json } from '../output/machine-formats.ts';
import { writeToStandardOutput } from '../output/standard-output.ts';
import { table } from '../output/table.ts';
import { toEnd } from '../run.ts';
import { explainUnreachable } from '../unreachable.ts';

export default (command: Command) => {
  command.option('--json', 'as JSON').action(toEnd(listCommand));
  command
    .command('test')
    .description('send a receiver of ALERTS_FILE one alert that means nothing')
    .argument('<name>', 'the receiver')
    .action(toEnd(testCommand));
};

const columns: Column[] = [
  { name: 'state', kind: 'text' },
  { name: 'rule', kind: 'text' },
  { name: 'subject', kind: 'text' },
  { name: 'severity', kind: 'text' },
  { name: 'since', kind: 'text' },
  { name: 'resolved_at', kind: 'text' },
  { name: 'value', kind: 'float' },
  { name: 'summary', kind: 'text' },
];

/**
 * `sluice alerts`: those that are not over and those of the last day; about the pipeline, of this data folder.
 * @returns whether all are there: those about sensors are in the database.
 */
async function listCommand(config: Config, log: Logger, given: { json?: boolean }): Promise<boolean> {
  const ofPipeline = await new FileStore(config.DATA_DIR).read();
  const ofSensors = await withDatabase(config, log, 'sluice alerts', client =>
    recentAlerts(async sql => (await client.query(sql)).rows),
  ).catch((error: unknown) => {
    process.stderr.write(
      `Alerts about sensors are left out: ${errorText(explainUnreachable(error, config))}\n`,
    );
    return undefined;
  });
  const answer = answerOf(columns, [...ofPipeline, ...(ofSensors ?? [])].map(alertView));
  await writeToStandardOutput(given.json ? json(answer) : table(answer));
  return ofSensors !== undefined;
}

/** `sluice alerts test`. @throws {UsageError} where the file has no such receiver. */
async function testCommand(config: Config, _log: Logger, name: string): Promise<boolean> {
  const file = configuredAlerts(config);
  if (file === undefined) throw new UsageError('ALERTS_FILE must name the file of alerts.');
  const { receivers } = file;
  const receiver = receivers.find(receiver => receiver.name === name);
  if (receiver === undefined) {
    const names = receivers.map(({ name }) => name).join(', ') || 'none';
    throw new UsageError(
      `There is no receiver ${JSON.stringify(name)} in ${config.ALERTS_FILE}; there is: ${names}.`,
    );
  }
  const now = Date.now();
  const alert: Alert = {
    rule: 'test',
    subject: 'sluice alerts test',
    group: '',
    severity: 'ticket',
    since: now,
    firedAt: now,
    summary: 'this is a test, and nothing is wrong',
    told: {},
  };
  try {
    for (const notice of noticesOf([alert], name)) await sendTo(receiver, notice);
  } catch (error) {
    throw new Error(`The receiver ${name} has not taken it: ${errorText(error)}.`, { cause: error });
  }
  process.stdout.write(`${name} has taken it.\n`);
  return true;
}
