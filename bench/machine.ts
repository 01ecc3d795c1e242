import { spawnSync } from 'node:child_process';
import { mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { mosquitto } from './broker.ts';
import { median } from './stats.ts';

/** What the figures were measured on: name and value of each line. */
export type Machine = Record<string, string>;

/** Whether figures of both can stand in one report. The disk is measured, and never the same twice. */
export function isSameMachine(one: Machine, other: Machine): boolean {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every(name => name === DISK || one[name] === other[name]);
}

const DISK = 'disk';

/** statfs(2): the file system is in memory, and syncing is free. */
const TMPFS_MAGIC = 0x01021994;
const SYNCS = 50;
const SYNC_BYTES = 4096;
const version = (name: string) =>
  (createRequire(import.meta.url)(`${name}/package.json`) as { version: string }).version;

/**
 * @param folder where the raw files and the database will be.
 * @param client connection to the database server.
 */
export async function describeMachine(folder: string, client: pg.Client): Promise<Machine> {
  const help = spawnSync(mosquitto!, ['-h'], { encoding: 'utf8' }).stdout;
  return {
    CPU: `${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} cores`,
    RAM: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    system: `${platform()} ${release()}, ${arch()}`,
    [DISK]: await describeDisk(folder),
    Node: process.version,
    'mqtt.js': version('mqtt'),
    Mosquitto: /version (\S+)/.exec(help)?.[1] ?? 'unknown',
    PostgreSQL: await describePostgres(client),
  };
}

async function describePostgres(client: pg.Client): Promise<string> {
  const names = ['server_version', 'shared_buffers', 'fsync', 'synchronous_commit', 'max_wal_size'];
  const { rows } = await client.query<{ name: string; value: string }>(
    'SELECT name, current_setting(name) AS value FROM unnest($1::text[]) AS name',
    [names],
  );
  const [server, ...settings] = rows;
  return `${server!.value}; ${settings.map(({ name, value }) => `${name} ${value}`).join(', ')}`;
}

async function describeDisk(folder: string): Promise<string> {
  const { type } = await statfs(folder);
  const sync = `fdatasync of 4 kB: ${(await syncMillis(folder)).toFixed(2)} ms (median of ${SYNCS})`;
  return type === TMPFS_MAGIC ? `${sync}; tmpfs, NOT a disk: set TMPDIR to a folder on one` : sync;
}

/** Median time of a small append and its fdatasync, in ms. */
async function syncMillis(folder: string): Promise<number> {
  const path = await mkdtemp(join(folder, 'sync-'));
  const times: number[] = [];
  try {
    await using file = await open(join(path, 'file'), 'w');
    const block = Buffer.alloc(SYNC_BYTES);
    for (let count = 0; count < SYNCS; count++) {
      const began = performance.now();
      await file.write(block);
      await file.datasync();
      times.push(performance.now() - began);
    }
  } finally {
    await rm(path, { recursive: true });
  }
  return median(times);
}
