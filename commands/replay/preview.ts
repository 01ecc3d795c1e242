import type { ClientBase } from 'pg';
import { splitLines } from '../../collector/bronze/line-reader.ts';
import type { LedgerEntry } from '../../collector/silver/ledger.ts';
import { LineTable } from '../verify/line-table.ts';
import { type WouldBecome, wouldBecome } from '../verify/would-become.ts';
import { type FileReplayContext, linesOf } from './file-replay.ts';
import type { ReplayFile } from './files.ts';
import { prepareOutdated } from './prune.ts';

/** Says what a replay would do, in temporary tables: what one file would store is there for the next one. */
export class Preview {
  readonly #client: ClientBase;

  private constructor(client: ClientBase) {
    this.#client = client;
  }

  static async prepare(client: ClientBase): Promise<Preview> {
    await LineTable.prepare(client);
    await prepareOutdated(client);
    await client.query(
      `CREATE TEMP TABLE would_be_stored
         (sensor_id varchar, time timestamptz, value float8, PRIMARY KEY (sensor_id, time))`,
    );
    return new Preview(client);
  }

  async of(
    file: ReplayFile,
    known: LedgerEntry | undefined,
    context: FileReplayContext,
  ): Promise<WouldBecome> {
    const { decoder, forgotten, leaveRest, progress } = context;
    const table = new LineTable(this.#client);
    await table.clear();
    let number = 0;
    for await (const { bytes, start, bytesRead } of linesOf(file, known, leaveRest)) {
      for (const raw of splitLines(bytes, start)) {
        const line = decoder.decode(file.name, raw);
        const kept = raw.start >= (known?.bytes ?? 0) ? line : forgotten.kept(line);
        if (kept !== undefined) await table.add(0, ++number, kept);
      }
      progress(bytesRead);
    }
    await table.complete();
    const would = await wouldBecome(this.#client);
    await this.#client.query(
      `INSERT INTO would_be_stored
       SELECT DISTINCT ON (sensor_id, time) sensor_id, time, value FROM audit_line
       WHERE sensor_id IS NOT NULL ORDER BY sensor_id, time, line
       ON CONFLICT DO NOTHING`,
    );
    return would;
  }
}
