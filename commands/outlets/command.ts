import type { Command } from 'commander';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { UsageError } from '../../base/errors.ts';
import { rewindMeans } from '../../collector/outlet/mean-supply.ts';
import { rewindReadings } from '../../collector/outlet/offsets.ts';
import { withDatabase } from '../database.ts';
import { utcDay } from '../options.ts';
import { json } from '../output/machine-formats.ts';
import { writeToStandardOutput } from '../output/standard-output.ts';
import { table } from '../output/table.ts';
import { toEnd } from '../run.ts';
import { standings } from './standings.ts';

export default (command: Command) => {
  command.option('--json', 'as JSON').action(toEnd(listCommand));
  command
    .command('replay')
    .description('let an outlet send again what is stored from a UTC date on; a running collector does it')
    .argument('<name>', 'the outlet')
    .requiredOption('--from <date>', 'the first date, such as 2025-11-12', utcDay)
    .action(toEnd(replayCommand));
};

/** `sluice outlets`: how far each outlet is, in the database's words. */
async function listCommand(config: Config, log: Logger, given: { json?: boolean }): Promise<boolean> {
  return await withDatabase(config, log, 'sluice outlets', async client => {
    const answer = await standings(client);
    await writeToStandardOutput(given.json ? json(answer) : table(answer));
    return true;
  });
}

/** `sluice outlets replay`. @throws {UsageError} where the database knows no such outlet. */
async function replayCommand(
  config: Config,
  log: Logger,
  name: string,
  { from }: { from: string },
): Promise<boolean> {
  return await withDatabase(config, log, 'sluice outlets', async client => {
    const { rows } = await client.query<{ sends: string }>(
      'SELECT DISTINCT sends FROM bronze.outlet WHERE outlet = $1',
      [name],
    );
    if (rows.length === 0)
      throw new UsageError(`There is no outlet ${JSON.stringify(name)}; \`sluice outlets\` lists them.`);
    for (const { sends } of rows) {
      const said =
        sends === 'means'
          ? `${await rewindMeans(client, name, from)} means`
          : `readings of ${await rewindReadings(client, name, from)} raw files`;
      process.stdout.write(`${name} sends ${said} again.\n`);
    }
    return true;
  });
}
