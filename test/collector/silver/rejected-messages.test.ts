import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RejectedMessages } from '../../../collector/silver/rejected-messages.ts';
import { withDatabase } from '../../harness/database.ts';
import { loaderConnection } from '../../harness/lines.ts';
import { silent } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';

const line = (second: number, topic: string, reason: string, payload: string) =>
  `${JSON.stringify({ received_at: `2025-11-12T10:15:0${second}.000Z`, topic, reason, payload })}\n`;

test('rejected messages are counted by day, topic and reason, each once, as their file grows', async () => {
  await using folder = await temporaryFolder();
  await withDatabase(async database => {
    await using connection = await loaderConnection(database);
    const count = () => new RejectedMessages(folder.path, 'c', silent).count(connection.client);
    const counted = () =>
      database.query(
        `SELECT day::text, topic, reason, count::int, last_example FROM silver.rejected_message ORDER BY topic, reason`,
      );
    await count();
    expect(await counted()).toEqual([]);
    await mkdir(join(folder.path, 'rejected'));
    const file = join(folder.path, 'rejected/2025-11-12.jsonl');
    await appendFile(file, line(1, 'a', 'not JSON', 'x\0') + line(2, 'b', 'not JSON', 'y'));
    // A line that is being written, and one that a crash has torn.
    await appendFile(file, `torn\n${line(3, 'a', 'not JSON', 'z').slice(0, 20)}`);
    await count();
    const day = { day: '2025-11-12', reason: 'not JSON' };
    expect(await counted()).toEqual([
      { ...day, topic: 'a', count: 1, last_example: 'x\uFFFD' },
      { ...day, topic: 'b', count: 1, last_example: 'y' },
    ]);
    await appendFile(file, line(3, 'a', 'not JSON', 'z').slice(20));
    await count();
    await count();
    expect(await counted()).toEqual([
      { ...day, topic: 'a', count: 2, last_example: 'z' },
      { ...day, topic: 'b', count: 1, last_example: 'y' },
    ]);
  });
});

test('a database that lacks a character counts all the same', async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'rejected'));
  await appendFile(join(folder.path, 'rejected/2025-11-12.jsonl'), line(1, 'Küche', 'not JSON', '21 °C'));
  await withDatabase(async database => {
    await using connection = await loaderConnection(database);
    // As a server would say whose encoding lacks it.
    await database.query(
      `CREATE FUNCTION lack() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'no equivalent in encoding' USING ERRCODE = '22P05'; END $$;
       CREATE TRIGGER lack BEFORE INSERT ON silver.rejected_message FOR EACH ROW WHEN (NEW.topic ~ '[^\x20-\x7e]') EXECUTE FUNCTION lack()`,
    );
    await new RejectedMessages(folder.path, 'c', silent).count(connection.client);
    expect(await database.query('SELECT topic, last_example FROM silver.rejected_message')).toEqual([
      { topic: 'K?che', last_example: '21 ?C' },
    ]);
  });
});
