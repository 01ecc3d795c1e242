import type { Command } from 'commander';
import type { Config } from '../../base/config.ts';
import { configuredTopics } from '../../collector/payload/configured-topics.ts';
import { toEnd } from '../run.ts';

export default (command: Command) => command.action(toEnd(topicsCommand));

/** `sluice topics`: the filters that the collector subscribes to, one a line: what the broker must let it read. */
async function topicsCommand(config: Config): Promise<boolean> {
  process.stdout.write(
    configuredTopics(config)
      .filters.map(filter => `${filter}\n`)
      .join(''),
  );
  return true;
}
