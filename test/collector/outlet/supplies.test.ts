import { once } from 'node:events';
import { access, readdir, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sluice } from '../../commands/verify/pipeline.ts';
import { eventually } from '../../harness/eventually.ts';
import { refresh } from '../../harness/pipeline.ts';
import { post } from '../serve/collecting.ts';
import { upTo, valuesAt, withOutlets } from './feeding.ts';
import { webhookReceiver } from './receivers.ts';

/** A batch without an answer is given up after a minute. */
const WHILE_IT_HANGS_MS = 40_000;

/** An HTTP server that takes requests and answers none. */
async function silentServer() {
  const asked = Promise.withResolvers<void>();
  const server = createServer(() => asked.resolve());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    /** Resolves with the first request. */
    asked: asked.promise,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

test('a replay sends again what is kept, with the same ids', async () => {
  await using receiver = await webhookReceiver();
  await withOutlets([{ name: 'erp', ...receiver.entry }], async ({ record, database }) => {
    const env = { DATABASE_URL: database.url };
    await record(0, 90);
    await eventually(async () => expect(await valuesAt(receiver)).toEqual(upTo(90)));
    const before = (await receiver.received()).map(({ id }) => id);
    expect(await sluice(['outlets', 'replay', 'erp', '--from', '2022-04-15'], env)).toMatchObject({
      code: 0,
      stdout: 'erp sends readings of 0 raw files again.\n',
    });
    await eventually(async () =>
      expect(await sluice(['outlets', 'replay', 'erp', '--from', '2022-04-14'], env)).toMatchObject({
        code: 0,
        stdout: 'erp sends readings of 3 raw files again.\n',
      }),
    );
    await eventually(async () => expect(await receiver.received()).toHaveLength(180));
    const ids = (await receiver.received()).map(({ id }) => id);
    expect(ids.slice(90).sort()).toEqual(before.sort());
    await eventually(async () => {
      const { stdout } = await sluice(['outlets', '--json'], env);
      expect(JSON.parse(stdout)).toMatchObject([
        { outlet: 'erp', sent: 180, waiting: 0, skipped: 0, retired: false },
      ]);
    });
    expect(await sluice(['outlets', 'replay', 'none', '--from', '2022-04-14'], env)).toMatchObject({
      code: 2,
    });
  });
});

test('what retention removes before it was sent is skipped, and counted', async () => {
  await using receiver = await webhookReceiver();
  await receiver.stop();
  await withOutlets([{ name: 'erp', ...receiver.entry }], async ({ record, restart, database, http }) => {
    await record(0, 90);
    await eventually(async () =>
      expect(await database.query('SELECT sum(lines)::int AS lines FROM bronze.raw_file')).toEqual([
        { lines: 90 },
      ]),
    );
    await eventually(async () => {
      const { outlets } = (await (await fetch(`${http()}/api/v1/status`)).json()) as { outlets: object[] };
      expect(outlets).toMatchObject([
        { name: 'erp', connection: { connected: false }, unit: 'bytes', sent: 0 },
      ]);
    });
    await database.query(`UPDATE bronze.raw_file SET removed_at = now() WHERE path LIKE '%hall%0.jsonl'`);
    // The collector that read them before they were removed must not find the receiver again.
    await restart();
    await receiver.start();
    await eventually(async () =>
      expect(await valuesAt(receiver)).toEqual(upTo(90).filter(value => value % 3 > 0)),
    );
    // It is noted after the receiver has it.
    await eventually(async () =>
      expect(await database.query('SELECT sent::int, skipped::int FROM bronze.outlet')).toEqual([
        { sent: 60, skipped: 30 },
      ]),
    );
  });
});

test('what waits while a consumer hangs is counted as it is stored', async () => {
  await using hanging = await silentServer();
  const outlet = { name: 'erp', kind: 'webhook', url: hanging.url, timeout_s: 300 };
  await withOutlets([outlet], async ({ record, http, dataDir }) => {
    await record(0, 1);
    await hanging.asked;
    // Of two more sensors: files that the outlet has not met yet.
    await record(1, 200);
    const raw = join(dataDir, 'raw');
    const sizes = await Promise.all(
      (await readdir(raw)).map(async name => (await stat(join(raw, name))).size),
    );
    const recorded = sizes.reduce((sum, size) => sum + size, 0);
    expect(sizes).toHaveLength(3);
    await eventually(async () => {
      const metrics = await (await fetch(`${http()}/metrics`)).text();
      expect(metrics).toContain(`sluice_outlet_waiting{outlet="erp",unit="bytes"} ${recorded}\n`);
    }, WHILE_IT_HANGS_MS);
  });
});

test('what a receiver refuses is a dead letter, and all the rest arrives', async () => {
  await using receiver = await webhookReceiver();
  receiver.answer = messages => (messages.some(({ value }) => value === 17) ? 422 : 204);
  await withOutlets(
    [{ name: 'erp', ...receiver.entry }],
    async ({ record, restart, dataDir, database, http }) => {
      await record(0, 90);
      await eventually(async () =>
        expect(await valuesAt(receiver)).toEqual(upTo(90).filter(value => value !== 17)),
      );
      const file = join(dataDir, 'outlets', 'erp.dead.jsonl');
      await access(file);
      const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
      expect(lines.map(line => JSON.parse(line))).toMatchObject([
        { reason: 'the receiver answered 422', message: { sensor_id: 'hall/2', value: 17 } },
      ]);
      const counted = async () => {
        const metrics = await (await fetch(`${http()}/metrics`)).text();
        expect(metrics).toContain('sluice_outlet_dead_letters_total{outlet="erp"} 1\n');
        expect(metrics).toContain('sluice_outlet_sent_total{outlet="erp"} 89\n');
      };
      await eventually(counted);
      const { outlets } = (await (await fetch(`${http()}/api/v1/status`)).json()) as { outlets: object[] };
      expect(outlets).toMatchObject([{ name: 'erp', dead_letters: 1 }]);
      const { stdout } = await sluice(['outlets', '--json'], { DATABASE_URL: database.url });
      expect(JSON.parse(stdout)).toMatchObject([{ outlet: 'erp', sent: 89, dead_letters: 1, waiting: 0 }]);
      await restart();
      await eventually(counted);
    },
  );
});

test('means: when their minute is over, and again when late readings change them', async () => {
  await using receiver = await webhookReceiver();
  const outlet = { name: 'means', ...receiver.entry, send: 'means', sensors: 'Sensor 1' };
  await withOutlets([outlet], async ({ http, database }) => {
    // Registered: only what is valid has a mean.
    const record = (from: number, n: number) => {
      const seconds = Array.from({ length: n }, (_, index) => 1_649_941_817 + from + index);
      const lines = seconds.map(second => `${second} Sensor 1 20\n`).join('');
      return post(`${http()}/data?wait=recorded`, lines, 'text/plain');
    };
    const loaded = (lines: number) =>
      eventually(async () =>
        expect(await database.query('SELECT sum(lines)::int AS lines FROM bronze.raw_file')).toEqual([
          { lines },
        ]),
      );
    const means = async () =>
      (await receiver.received()).map(({ id }) => id.split(':').slice(0, -1).join(':'));
    const first = 'mean:Sensor 1:2022-04-14T13:10:00Z';
    await record(0, 30);
    await loaded(30);
    await refresh(database);
    await eventually(async () => expect(await means()).toEqual([first]));
    await record(30, 60);
    await loaded(90);
    await refresh(database);
    await eventually(async () =>
      expect((await means()).sort()).toEqual([first, first, 'mean:Sensor 1:2022-04-14T13:11:00Z']),
    );
    await eventually(async () => expect(await database.query('SELECT FROM sluice.mean_to_send')).toEqual([]));
    const ids = (await receiver.received()).map(({ id }) => id);
    expect(new Set(ids).size).toBe(3);
  });
});
