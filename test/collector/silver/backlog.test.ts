import { mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { Backlog } from '../../../collector/silver/backlog.ts';
import { BlockStore } from '../../../collector/silver/block-store.ts';
import { Registry } from '../../../collector/silver/registry.ts';
import { FileReplacedError } from '../../../collector/silver/replaced-file.ts';
import { prepareStaging } from '../../../collector/silver/staged-store.ts';
import { connect } from '../../../db/connect.ts';
import { withDatabase } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { decoderOf } from '../../harness/lines.ts';
import { payloadOf } from '../../harness/mqtt.ts';
import { temporaryFolder } from '../../harness/server.ts';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const FIRST = '2025-11-12_Sensor_1.jsonl';
const SECOND = '2025-11-12_Sensor_2.jsonl';
const line = (sensor: string, second: number) => `${payloadOf(sensor, `2025-11-12T10:15:0${second}Z`, 20)}\n`;

/** A backlog on a folder of its own, and what loads from it. */
async function withBacklog(
  use: (under: {
    backlog: Backlog;
    write: (file: string, text: string) => number;
    path: (file: string) => string;
    remove: (file: string) => void;
    resolve: () => Promise<void>;
    synchronise: (sizes: Record<string, number>) => Promise<void>;
    loadAll: () => Promise<void>;
    rows: () => Promise<number>;
    entries: () => Promise<unknown[]>;
  }) => Promise<void>,
): Promise<void> {
  await withDatabase(async database => {
    await using folder = await temporaryFolder();
    const client = await connect(database.url, 'test', () => undefined);
    try {
      await prepareStaging(client);
      const backlog = new Backlog(folder.path, 'test', quiet, 5);
      const store = new BlockStore('test', quiet);
      const decoder = decoderOf(await Registry.load(client));
      await use({
        backlog,
        write: (file, text) => {
          writeFileSync(join(folder.path, file), text);
          return Buffer.byteLength(text);
        },
        path: file => join(folder.path, file),
        remove: file => rmSync(join(folder.path, file)),
        resolve: () => backlog.resolve(client),
        synchronise: sizes =>
          backlog.synchronise(Readable.from([new Map(Object.entries(sizes))]), compare => compare(client)),
        loadAll: async () => {
          for (let blocks = backlog.read(1e6); blocks.length > 0; blocks = backlog.read(1e6)) {
            await store.store(client, blocks, decoder, (_, ends) => {
              for (const [file, end] of ends) backlog.advance(file, end);
            });
          }
        },
        entries: () => database.query('SELECT path, lines::int FROM bronze.raw_file'),
        rows: async () =>
          (await database.query('SELECT count(*)::int AS n FROM silver.sensor_reading'))[0].n as number,
      });
    } finally {
      await client.end();
    }
  });
}

test('a file that begins anew is loaded from its beginning, also when it is as long as the former one', async () => {
  await withBacklog(async ({ backlog, write, remove, synchronise, loadAll, rows }) => {
    const size = write(FIRST, line('Sensor 1', 1));
    await synchronise({ [FIRST]: size });
    await loadAll();
    remove(FIRST);
    write(FIRST, line('Sensor 1', 2));
    backlog.grow(FIRST, size, true);
    expect(() => backlog.read(1e6)).toThrow(FileReplacedError);
    await synchronise({ [FIRST]: size });
    await loadAll();
    expect(await rows()).toBe(2);
    const longer = write(FIRST, line('Sensor 1', 2) + line('Sensor 1', 3));
    backlog.grow(FIRST, longer);
    await loadAll();
    expect(await rows()).toBe(3);
  });
});

test('a file that ends in the middle of a line holds up no other', async () => {
  await withBacklog(async ({ backlog, write, synchronise, loadAll, rows }) => {
    const torn = write(FIRST, '{"id": "Sensor 1"');
    const size = write(SECOND, line('Sensor 2', 1));
    await synchronise({ [FIRST]: torn, [SECOND]: size });
    await loadAll();
    expect(await rows()).toBe(1);
    expect(backlog.bytes).toBe(0);
    // The recorder has cut it and goes on.
    const mended = write(FIRST, line('Sensor 1', 1));
    backlog.grow(FIRST, mended, true);
    await loadAll();
    expect(await rows()).toBe(2);
  });
});

test('a file that is gone holds up no other', async () => {
  await withBacklog(async ({ write, remove, synchronise, loadAll, rows }) => {
    const gone = write(FIRST, line('Sensor 1', 1));
    const size = write(SECOND, line('Sensor 2', 1));
    await synchronise({ [FIRST]: gone, [SECOND]: size });
    remove(FIRST);
    await loadAll();
    expect(await rows()).toBe(1);
  });
});

test('a file that has begun keeps its entry when only the answer to the COMMIT was lost', async () => {
  await withBacklog(async ({ backlog, write, synchronise, loadAll, rows, entries }) => {
    await synchronise({});
    const size = write(FIRST, line('Sensor 1', 1));
    backlog.grow(FIRST, size, true);
    const unanswered = backlog.read(1e6);
    await loadAll();
    expect(unanswered).toHaveLength(1);
    // As after a lost answer: the file counts as begun, and the ledger has it.
    backlog.grow(FIRST, size, true);
    await synchronise({ [FIRST]: size });
    await loadAll();
    expect(await rows()).toBe(1);
    expect(await entries()).toEqual([{ path: FIRST, lines: 1 }]);
  });
});

test('a file that cannot be read costs its own sensor only, and is loaded when it can be read', async () => {
  await withBacklog(async ({ backlog, path, write, synchronise, resolve, loadAll, rows }) => {
    // As for a file with a broken sector: opening works, reading fails.
    mkdirSync(path(FIRST));
    const size = write(SECOND, line('Sensor 2', 1));
    await synchronise({ [FIRST]: 100, [SECOND]: size });
    await loadAll();
    expect(await rows()).toBe(1);
    expect(backlog.bytes).toBe(100);
    expect(backlog.untilReadable).toBeGreaterThan(0);
    expect(backlog.unreadable).toEqual({ files: 1, first: expect.stringContaining(`${FIRST}: EISDIR`) });
    rmdirSync(path(FIRST));
    const whole = write(FIRST, line('Sensor 1', 1));
    backlog.grow(FIRST, whole);
    await eventually(async () => {
      await resolve();
      await loadAll();
      expect(await rows()).toBe(2);
    });
    expect(backlog.unreadable.files).toBe(0);
  });
});

test('of a file that is not remembered the ledger is asked when it grows', async () => {
  await withBacklog(async ({ backlog, write, synchronise, resolve, loadAll, rows, entries }) => {
    const size = write(FIRST, line('Sensor 1', 1));
    await synchronise({ [FIRST]: size });
    await loadAll();
    // A snapshot without it, and nothing is known of it any more.
    await synchronise({});
    const longer = write(FIRST, line('Sensor 1', 1) + line('Sensor 1', 2));
    backlog.grow(FIRST, longer);
    await resolve();
    expect(backlog.bytes).toBe(longer - size);
    await loadAll();
    expect(await rows()).toBe(2);
    expect(await entries()).toEqual([{ path: FIRST, lines: 2 }]);
  });
});
