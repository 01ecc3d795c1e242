import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeAtomically } from '../base/atomic-file.ts';
import type { Config } from '../base/config.ts';
import { isLocked } from '../collector/bronze/data-folder.ts';

const form = z.object({ broker: z.url().optional(), database: z.url().optional() });

/** Where the servers listen that `sluice up` has started. */
export type Addresses = z.output<typeof form>;

const fileIn = (dataDir: string) => join(dataDir, 'embedded.json');

/** Writes down where the embedded servers listen, for commands in another terminal; until it is disposed of. */
export async function announceAddresses(dataDir: string, addresses: Addresses): Promise<AsyncDisposable> {
  const file = fileIn(dataDir);
  await writeAtomically(file, `${JSON.stringify(addresses)}\n`);
  return { [Symbol.asyncDispose]: () => rm(file, { force: true }) };
}

/**
 * The settings with the addresses of the embedded servers that run for this data folder, whatever ports they were given; where none
 * run, or others are set, they stay as they are.
 */
export async function withRunningServers(config: Config): Promise<Config> {
  const { embedded, DATA_DIR } = config;
  if (!embedded.broker && !embedded.postgres) return config;
  const { broker, database } = await readAddresses(fileIn(DATA_DIR));
  // A crash leaves the file behind.
  if ((broker ?? database) === undefined || !(await isLocked(DATA_DIR).catch(() => false))) return config;
  return {
    ...config,
    ...(embedded.broker && broker !== undefined && { MQTT_URL: broker }),
    ...(embedded.postgres && database !== undefined && { DATABASE_URL: database }),
  };
}

async function readAddresses(file: string): Promise<Addresses> {
  try {
    return form.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return {};
  }
}
