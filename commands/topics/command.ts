import type { Command } from 'commander';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { configuredTopics } from '../../collector/payload/configured-topics.ts';
import { toEnd } from '../run.ts';

export default (command: Command) => command.option('--json', 'as a JSON array').action(toEnd(topicsCommand));

/** `sluice topics`: the filters that the collector subscribes to, one a line: what the broker must let it read. */
async function topicsCommand(config: Config, _log: Logger, { json }: { json?: boolean }): Promise<boolean> {
  const { filters } = configuredTopics(config);
  process.stdout.write(json ? `${JSON.stringify(filters)}\n` : filters.map(filter => `${filter}\n`).join(''));
  return true;
}
