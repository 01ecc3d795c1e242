import { writeFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Command } from 'commander';
import type pg from 'pg';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { parseRegistry, readRegistry } from '../../collector/silver/registry-file.ts';
import { migrate } from '../../db/migrate.ts';
import { withDatabase } from '../database.ts';
import { counted } from '../output/counted.ts';
import { toEnd } from '../run.ts';
import { exportSensors, exportSensorsAsJson } from './export.ts';
import { type Imported, importSensors } from './import.ts';

export default (command: Command) => {
  command
    .command('import')
    .description('add and change sensors as a CSV file says; all of it, or nothing where a line is wrong')
    .argument('<file>', 'the file; - is standard input')
    .option('--prune', 'also remove the sensors that are not in the file')
    .option('--json', 'how many were added, changed, unchanged and removed, as JSON')
    .action(toEnd(importCommand));
  command
    .command('export')
    .description('write the sensor registry as a CSV file, which import takes back')
    .argument('<file>', 'the file; - is standard output')
    .option('--json', 'as a JSON array, which import does not take')
    .action(toEnd(exportCommand));
};

/**
 * `sluice sensors import`: brings the registry to what a file says, all of it or nothing.
 * @param file `-` reads standard input.
 * @throws {RegistryError} with every mistake, before the database is asked.
 */
async function importCommand(
  config: Config,
  log: Logger,
  file: string,
  { prune = false, json }: { prune?: boolean; json?: boolean },
): Promise<boolean> {
  const sensors =
    file === '-'
      ? parseRegistry(await buffer(process.stdin), 'from standard input')
      : await readRegistry(file);
  const imported = await withRegistry(config, log, client => importSensors(client, sensors, { prune }));
  if (json) {
    process.stdout.write(`${JSON.stringify(imported, null, 2)}\n`);
    return true;
  }
  const { SENSORS_FILE } = config;
  const overruledBy = SENSORS_FILE === resolve(file) ? null : SENSORS_FILE;
  process.stdout.write(`${summary(imported, prune)}\n${advice(imported, overruledBy)}`);
  return true;
}

/** `sluice sensors export`: writes the registry as CSV. @param file `-` writes to standard output. */
async function exportCommand(
  config: Config,
  log: Logger,
  file: string,
  { json }: { json?: boolean },
): Promise<boolean> {
  const text = await withRegistry(config, log, json ? exportSensorsAsJson : exportSensors);
  if (file === '-') process.stdout.write(text);
  else await writeFile(file, text);
  return true;
}

/** Brings the schema up to date first: a registry may be there before the first collector is. */
async function withRegistry<T>(
  config: Config,
  log: Logger,
  use: (client: pg.Client) => Promise<T>,
): Promise<T> {
  await migrate(config.DATABASE_URL, (message, level) => log[level](message));
  return await withDatabase(config, log, 'sluice sensors', use);
}

function summary({ added, changed, unchanged, pruned }: Imported, prune: boolean): string {
  return `${counted(added, 'sensor')} added, ${changed} changed, ${unchanged} unchanged${prune ? `, ${pruned} removed` : ''}.`;
}

/** What does not follow by itself. @param overruledBy the file that the next start of the collector upserts. */
function advice({ added, changed, pruned, toReclassify }: Imported, overruledBy: string | null): string {
  let text = '';
  if (toReclassify > 0) {
    text += `Stored readings of ${counted(toReclassify, 'sensor')} keep their quality until \`sluice replay --reclassify\`.\n`;
  }
  if (overruledBy !== null && added + changed + pruned > 0) {
    text += `What ${relative('', overruledBy)} says of a sensor overrules this when the collector next starts, unless SENSORS_FILE is none.\n`;
  }
  return text;
}
