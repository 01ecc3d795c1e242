import { type Command, Option } from 'commander';
import { utcDay } from '../options.ts';
import { toEnd } from '../run.ts';
import { exportCommand } from './export.ts';
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
  command
    .command('export')
    .description('write silver and gold of a UTC date as Parquet files, sorted by sensor and time')
    .requiredOption('--date <date>', 'the date, such as 2025-11-12', utcDay)
    .addOption(new Option('--format <format>', 'of the files').choices(['parquet']).default('parquet'))
    .option('--out <folder>', 'where the folder date=DATE goes', '.')
    .option('--json', 'what was written, as JSON')
    .action(toEnd(exportCommand));
};
