import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { noteDecodedWith } from './decoded-with.ts';
import type { DirectBatch } from './direct-batch.ts';
import { registerFound } from './found-sensors.ts';
import { insertNewFiles, moveOffsets, storeRejections } from './ledger.ts';
import { loadedColumns, unflaggedColumns } from './reading-columns.ts';
import { SeenSensors } from './seen-sensors.ts';

/**
 * Stores a batch by one COPY straight into silver, in one transaction with its offsets. One key that is there already
 * fails it all, with nothing changed; `storeStaged` then sorts out the duplicates.
 */
export async function storeDirect(
  client: ClientBase,
  collector: string,
  batch: DirectBatch,
  seen = new SeenSensors(),
): Promise<void> {
  await client.query('BEGIN');
  try {
    await insertNewFiles(client, collector, batch.ranges);
    await copy(client, `silver.sensor_reading (${unflaggedColumns})`, batch.rows());
    const { flaggedRows, ranges, rejected, stale } = batch;
    if (flaggedRows.length > 0) await copy(client, `silver.sensor_reading (${loadedColumns})`, [flaggedRows]);
    if (stale.rows.length > 0) await copy(client, 'sluice.stale_minute (bucket, sensor_id)', stale.rows);
    await storeRejections(client, collector, rejected);
    await registerFound(client, batch.found.values());
    const committed = await seen.insert(client, stale.unseen);
    await noteDecodedWith(client, collector, ranges);
    await moveOffsets(client, collector, ranges);
    await client.query('COMMIT');
    committed();
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** Sends rows as they are made: where the database is the slower one, it never waits for them. */
async function copy(client: ClientBase, table: string, rows: Iterable<Buffer>): Promise<void> {
  const copying = client.query(copyFrom(`COPY ${table} FROM STDIN`));
  const copied = finished(copying);
  // It may fail while nobody waits for it.
  copied.catch(() => undefined);
  for (const piece of rows) {
    if (!copying.write(piece)) await Promise.race([once(copying, 'drain'), copied]);
  }
  copying.end();
  await copied;
}
