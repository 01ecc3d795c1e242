import type { Command } from 'commander';
import { utcDay } from '../options.ts';
import { toEnd } from '../run.ts';
import { verifyCommand } from './verify.ts';
import { writeCommand } from './write.ts';

export default (command: Command) => {
  command
    .command('write')
    .description('write what the lake lacks of the archive now; a collector with LAKE=on does so by itself')
    .option('--json', 'what was written, as JSON')
    .action(toEnd(writeCommand));
  command
    .command('verify')
    .description(
      'compare a lake with PostgreSQL, day by day, to the last bit; exit 1 and the days that differ if not',
    )
    .argument('<checks...>', 'what lake/spark or lake/duckdb wrote: files or folders of rows and checksums')
    .option('--date <date>', 'only this UTC date, such as 2025-11-12', utcDay)
    .option('--json', 'the report as JSON')
    .action(toEnd(verifyCommand));
};
