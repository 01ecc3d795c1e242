import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Watermark } from '../../../collector/bronze/watermark.ts';
import { type BatchLine, refuseRow } from '../../../collector/silver/batch-line.ts';
import { COUNTERS, type Counters } from '../../../collector/silver/counters.ts';
import { claimLedger, OffsetMovedError, WriterRefusedError } from '../../../collector/silver/ledger.ts';
import type { Registry } from '../../../collector/silver/registry.ts';
import { SeenSensors } from '../../../collector/silver/seen-sensors.ts';
import { storeStaged } from '../../../collector/silver/staged-store.ts';
import { databaseServers, newDatabase, type TestDatabase } from '../../harness/database.ts';
import { interleave, linesOf, loaderConnection, register } from '../../harness/lines.ts';

const FILE = '2025-11-12_a.jsonl';
const TABLES = [
  'bronze.raw_file',
  'silver.sensor_reading',
  'silver.conflicting_reading',
  'silver.rejected_line',
  'silver.duplicate_minute',
  'silver.seen_sensor',
  'sluice.stale_minute',
];
const BEGIN = Date.UTC(2025, 10, 12, 10, 15);
const reading = (second: number, value: unknown, id = 'a') =>
  JSON.stringify({ id, dt: new Date(BEGIN + second * 1000).toISOString(), value });

describe.each(databaseServers())('on $name', server => {
  let database: TestDatabase;
  let registry: Registry;

  beforeAll(async () => {
    database = await newDatabase({ server });
    await using connection = await loaderConnection(database);
    registry = await register(connection.client, ['a', 'b'], 0, 45);
  });
  afterAll(() => database.drop());
  beforeEach(() => database.query(`TRUNCATE bronze.decoded_with, bronze.outlet_file, ${TABLES.join(', ')}`));

  const store = async (lines: BatchLine[]): Promise<Counters> => {
    await using connection = await loaderConnection(database);
    return await storeStaged(connection.client, 'c', lines, new Map([[FILE, 'hash']]));
  };
  const contents = async () => {
    const tables: Record<string, number> = {};
    for (const table of TABLES) {
      const [row] = await database.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
      tables[table] = row!.n;
    }
    return tables;
  };
  const ledger = () =>
    database.query(
      `SELECT path, bytes::int, first_line_hash AS hash, ${COUNTERS.map(name => `${name}::int`)}
       FROM bronze.raw_file ORDER BY path`,
    );
  const empty = Object.fromEntries(TABLES.map(table => [table, 0]));

  test('each line is stored, a duplicate, a conflict or rejected, and the ledger adds up', async () => {
    const lines = linesOf(
      FILE,
      [
        reading(1, 20),
        reading(1, 20),
        reading(1, 21),
        reading(2, 20, 'x'),
        reading(3, 99),
        reading(60, 20),
        'torn',
      ],
      registry,
    );
    const counters = {
      lines: 7,
      understood: 6,
      rejected: 1,
      empty: 0,
      readings: 6,
      stored: 4,
      duplicates: 1,
      conflicts: 1,
      refused: 0,
    };
    expect(await store(lines)).toEqual(counters);
    expect(await ledger()).toEqual([{ path: FILE, hash: 'hash', bytes: lines.at(-1)!.end, ...counters }]);
    expect(
      await database.query('SELECT sensor_id, value, quality FROM silver.sensor_reading ORDER BY time'),
    ).toEqual([
      { sensor_id: 'a', value: 20, quality: 'valid' },
      { sensor_id: 'x', value: 20, quality: 'unknown_sensor' },
      { sensor_id: 'a', value: 99, quality: 'out_of_range' },
      { sensor_id: 'a', value: 20, quality: 'valid' },
    ]);
    expect(
      await database.query(
        'SELECT stored_value, conflicting_value, path, byte_offset::int FROM silver.conflicting_reading',
      ),
    ).toEqual([{ stored_value: 20, conflicting_value: 21, path: FILE, byte_offset: lines[2]!.start }]);
    expect(
      await database.query('SELECT path, byte_offset::int, reason, line FROM silver.rejected_line'),
    ).toEqual([{ path: FILE, byte_offset: lines[6]!.start, reason: 'not JSON', line: 'torn' }]);
    expect(
      await database.query(
        `SELECT DISTINCT to_char(bucket AT TIME ZONE 'UTC', 'HH24:MI:SS') AS at, sensor_id
         FROM sluice.stale_minute ORDER BY 1, 2`,
      ),
    ).toEqual([
      { at: '10:15:00', sensor_id: 'a' },
      { at: '10:15:00', sensor_id: 'x' },
      { at: '10:16:00', sensor_id: 'a' },
    ]);
  });

  test('what another batch has stored is a duplicate or a conflict, and its minute is refreshed all the same', async () => {
    const first = linesOf(FILE, [reading(1, 20), reading(2, 20)], registry);
    await store(first);
    await database.query('TRUNCATE sluice.stale_minute');
    const next = linesOf(FILE, [reading(1, 20), reading(2, 22), reading(2, 23)], registry, first.at(-1)!.end);
    const other = linesOf('2025-11-12_b.jsonl', [reading(2, 24), reading(1, 20)], registry);
    expect(await store([...next, ...other])).toMatchObject({
      lines: 5,
      stored: 0,
      duplicates: 2,
      conflicts: 3,
      rejected: 0,
    });
    expect(await ledger()).toMatchObject([
      { path: FILE, hash: 'hash', lines: 5, stored: 2, duplicates: 1, conflicts: 2 },
      { path: '2025-11-12_b.jsonl', hash: null, lines: 2, stored: 0, duplicates: 1, conflicts: 1 },
    ]);
    expect(await contents()).toMatchObject({ 'silver.sensor_reading': 2, 'sluice.stale_minute': 1 });
    const [row] = await database.query('SELECT value FROM silver.sensor_reading ORDER BY time DESC');
    expect(row).toEqual({ value: 20 });
  });

  test('a batch of rejected lines alone moves the offset as well', async () => {
    const refused = linesOf(FILE, [reading(1, 1)], registry).map(line =>
      refuseRow(line, line.rows[0]!, Object.assign(new Error('no'), { code: '22003' })),
    );
    expect(await store(refused)).toMatchObject({ lines: 1, understood: 1, refused: 1 });
    expect(await database.query('SELECT reason, line FROM silver.rejected_line')).toEqual([
      { reason: 'SQLSTATE 22003: no', line: '{"id":"a","dt":"2025-11-12T10:15:01.000000Z","value":1}' },
    ]);
  });

  test('duplicates are counted by sensor and minute, and add up to those of the ledger', async () => {
    const lines = [reading(1, 20), reading(2, 20), reading(1, 20), reading(61, 3, 'b'), reading(61, 3, 'b')];
    const first = linesOf(FILE, lines, registry);
    await store(first);
    const again = [reading(1, 20), reading(1, 20), reading(2, 21), reading(61, 3, 'b'), reading(62, 3, 'b')];
    await store(linesOf(FILE, again, registry, first.at(-1)!.end));
    const counted = `SELECT to_char(bucket AT TIME ZONE 'UTC', 'HH24:MI:SS') AS at, sensor_id, sum(n)::int AS n
       FROM silver.duplicate_minute GROUP BY 1, 2 ORDER BY 1, 2`;
    const counts = [
      { at: '10:15:00', sensor_id: 'a', n: 3 },
      { at: '10:16:00', sensor_id: 'b', n: 2 },
    ];
    expect(await database.query(counted)).toEqual(counts);
    expect(await ledger()).toMatchObject([{ lines: 10, stored: 4, duplicates: 5, conflicts: 1 }]);
    await using connection = await loaderConnection(database);
    await storeStaged(connection.client, 'c', first, new Map(), 'backfill');
    expect(await database.query(counted)).toEqual(counts);
  });

  test('a rejected line that says whose and when it is keeps that, and its minute is refreshed', async () => {
    await store(linesOf(FILE, [reading(1, null), reading(2, 'warm', 'b'), 'torn'], registry));
    expect(
      await database.query('SELECT sensor_id, time, reason FROM silver.rejected_line ORDER BY byte_offset'),
    ).toEqual([
      { sensor_id: 'a', time: new Date(BEGIN + 1000), reason: 'value is not a number' },
      { sensor_id: 'b', time: new Date(BEGIN + 2000), reason: 'value is not a number' },
      { sensor_id: null, time: null, reason: 'not JSON' },
    ]);
    const minute = new Date(BEGIN);
    expect(await database.query('SELECT sensor_id, bucket FROM sluice.stale_minute ORDER BY 1')).toEqual([
      { sensor_id: 'a', bucket: minute },
      { sensor_id: 'b', bucket: minute },
    ]);
    expect(await contents()).toMatchObject({ 'silver.seen_sensor': 0 });
  });

  test('a sensor counts as seen when a row of its is committed, and is written once', async () => {
    const seen = new SeenSensors();
    await using connection = await loaderConnection(database);
    let written = 0;
    const counting = interleave(connection.client, sql => {
      if (sql.includes('silver.seen_sensor')) written++;
    });
    const begin = linesOf(FILE, [reading(1, 1), reading(1, 1, 'x')], registry);
    const next = linesOf(FILE, [reading(2, 1), reading(2, 1, 'x')], registry, begin.at(-1)!.end);
    const put = (lines: BatchLine[]) => storeStaged(counting, 'c', lines, new Map(), 'advance', seen);
    await expect(put(next)).rejects.toThrow(OffsetMovedError);
    expect(await contents()).toEqual(empty);
    await put(begin);
    await put(next);
    expect(written).toBe(2);
    expect(await database.query('SELECT sensor_id FROM silver.seen_sensor ORDER BY 1')).toEqual([
      { sensor_id: 'a' },
      { sensor_id: 'x' },
    ]);
  });

  test('the newest second moves with the offset, and what is far behind it is late', async () => {
    const watermark = new Watermark({ lateMinutes: 5 });
    const times = [600, 299.999, 300, 900, 600.5, 599.9, 20];
    const lines = linesOf(
      FILE,
      times.map((second, index) => reading(second, index === 3 ? null : index)),
      registry,
      0,
      undefined,
      watermark,
    );
    await store(lines.slice(0, 3));
    const newest = 'SELECT newest FROM bronze.raw_file';
    expect(await database.query(newest)).toEqual([{ newest: new Date(BEGIN + 600_000) }]);
    await store(lines.slice(3));
    expect(await database.query(newest)).toEqual([{ newest: new Date(BEGIN + 900_000) }]);
    // Of the fourth line nothing can be stored, but it was recorded.
    expect(
      await database.query('SELECT value AS line, late FROM silver.sensor_reading ORDER BY value'),
    ).toEqual([
      { line: 0, late: false },
      { line: 1, late: true },
      { line: 2, late: false },
      { line: 4, late: false },
      { line: 5, late: true },
      { line: 6, late: true },
    ]);
  });

  describe('rows and offset commit together or not at all', () => {
    const lines = () =>
      linesOf(FILE, [reading(1, 20), reading(1, 21), reading(2, 20), reading(2, 20), 'torn'], registry);
    const broken = [
      { table: 'bronze.raw_file', event: 'INSERT', when: 'BEFORE' },
      { table: 'silver.sensor_reading', event: 'INSERT', when: 'BEFORE' },
      { table: 'sluice.stale_minute', event: 'INSERT', when: 'BEFORE' },
      { table: 'silver.conflicting_reading', event: 'INSERT', when: 'BEFORE' },
      { table: 'silver.rejected_line', event: 'INSERT', when: 'BEFORE' },
      { table: 'silver.duplicate_minute', event: 'INSERT', when: 'BEFORE' },
      { table: 'silver.seen_sensor', event: 'INSERT', when: 'BEFORE' },
      { table: 'bronze.raw_file', event: 'UPDATE', when: 'AFTER' },
      { table: 'bronze.raw_file', event: 'UPDATE', when: 'COMMIT' },
    ];
    const faults = [
      { fault: 'an error', sql: `RAISE EXCEPTION 'no'` },
      { fault: 'the end of the connection', sql: 'PERFORM pg_terminate_backend(pg_backend_pid())' },
    ];
    const cases = broken.flatMap(place => faults.map(fault => ({ ...place, ...fault })));

    test.each(cases)('$fault at $event of $table, $when', async ({ table, event, when, sql }) => {
      const timing = when === 'COMMIT' ? 'AFTER' : when;
      const [constraint, deferred] =
        when === 'COMMIT' ? ['CONSTRAINT', 'DEFERRABLE INITIALLY DEFERRED'] : ['', ''];
      await database.query(
        `CREATE OR REPLACE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${sql}; RETURN NEW; END $$`,
      );
      await database.query(
        `CREATE ${constraint} TRIGGER fault ${timing} ${event} ON ${table} ${deferred} FOR EACH ROW EXECUTE FUNCTION fault()`,
      );
      try {
        await expect(store(lines())).rejects.toThrow();
        expect(await contents()).toEqual(empty);
      } finally {
        await database.query(`DROP TRIGGER fault ON ${table}`);
      }
      expect(await store(lines())).toMatchObject({
        lines: 5,
        stored: 2,
        duplicates: 1,
        conflicts: 1,
        rejected: 1,
      });
    });

    test('somebody ends the connection between any two statements', async () => {
      for (let at = 1; ; at++) {
        await database.query(`TRUNCATE bronze.decoded_with, bronze.outlet_file, ${TABLES.join(', ')}`);
        await using connection = await loaderConnection(database);
        const { rows } = await connection.client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
        let statement = 0;
        const cut = interleave(connection.client, async () => {
          if (++statement === at)
            await database.query('SELECT pg_terminate_backend($1, 5000)', [rows[0]!.pid]);
        });
        const stored = await storeStaged(cut, 'c', lines(), new Map()).catch(() => undefined);
        if (stored !== undefined) break;
        expect(await contents()).toEqual(empty);
        expect(at).toBeLessThan(20);
      }
    });
  });

  test('of two loaders that are at the same offset one wins, and the other changes nothing', async () => {
    const begin = linesOf(FILE, [reading(0, 1)], registry);
    await store(begin);
    for (const offset of [0, begin[0]!.end]) {
      const before = await contents();
      const file = offset === 0 ? '2025-11-12_b.jsonl' : FILE;
      const batch = () =>
        linesOf(file, [reading(10 + offset, 1), reading(10 + offset, 2), 'torn'], registry, offset);
      const tried = await Promise.allSettled([store(batch()), store(batch())]);
      const won = tried.filter(result => result.status === 'fulfilled');
      const lost = tried.filter(result => result.status === 'rejected');
      expect(won).toHaveLength(1);
      expect(lost[0]!.reason).toBeInstanceOf(OffsetMovedError);
      expect(await contents()).toMatchObject({
        'silver.sensor_reading': before['silver.sensor_reading']! + 1,
        'silver.conflicting_reading': before['silver.conflicting_reading']! + 1,
        'silver.rejected_line': before['silver.rejected_line']! + 1,
      });
    }
  });

  test('a batch whose COMMIT was not answered is not stored twice', async () => {
    const lines = linesOf(FILE, [reading(1, 20), 'torn'], registry);
    await store(lines);
    const before = [await ledger(), await contents()];
    await expect(store(lines)).rejects.toThrow(OffsetMovedError);
    expect([await ledger(), await contents()]).toEqual(before);
  });

  test('two collectors have offsets of their own', async () => {
    const lines = linesOf(FILE, [reading(1, 20)], registry);
    await store(lines);
    await using connection = await loaderConnection(database);
    expect(await storeStaged(connection.client, 'another', lines, new Map())).toMatchObject({
      duplicates: 1,
    });
    expect(await contents()).toMatchObject({ 'bronze.raw_file': 2, 'silver.sensor_reading': 1 });
  });

  test('of two processes with one ledger identity the older one is refused, whenever it comes', async () => {
    const lines = linesOf(FILE, [reading(1, 20), reading(2, 20)], registry);
    await using first = await loaderConnection(database);
    await using second = await loaderConnection(database);
    const put = (client: pg.Client, some: BatchLine[]) => storeStaged(client, 'twins', some, new Map());
    await claimLedger(first.client, 'twins', { epoch: 6, token: 'a' });
    await put(first.client, lines.slice(0, 1));
    // A copy of the data folder, of the same epoch; then the folder's next holder.
    await expect(claimLedger(second.client, 'twins', { epoch: 6, token: 'b' })).rejects.toThrow(
      WriterRefusedError,
    );
    await claimLedger(second.client, 'twins', { epoch: 7, token: 'b' });
    await expect(put(first.client, lines.slice(1))).rejects.toThrow(OffsetMovedError);
    await expect(claimLedger(first.client, 'twins', { epoch: 6, token: 'a' })).rejects.toThrow(
      /^another collector loads/,
    );
    await put(second.client, lines.slice(1));
    // A replay is no writer.
    await using replay = await loaderConnection(database);
    const third = linesOf(FILE, [reading(3, 20)], registry, lines.at(-1)!.end);
    expect(await put(replay.client, third)).toMatchObject({ stored: 1 });
  });

  test('settings of the role or the database do not turn the times', async () => {
    const owner = new pg.Client(database.url);
    await owner.connect();
    const { rows } = await owner.query<{ name: string }>('SELECT current_database() AS name');
    await owner.query(`ALTER DATABASE ${rows[0]!.name} SET timezone TO 'Asia/Tokyo'`);
    await owner.query(`ALTER DATABASE ${rows[0]!.name} SET datestyle TO 'SQL, DMY'`);
    try {
      const lines = linesOf(FILE, [reading(1, 20), reading(1, 21)], registry);
      expect(await store(lines)).toMatchObject({ stored: 1, conflicts: 1 });
      const [row] = await database.query('SELECT time FROM silver.sensor_reading');
      expect(row).toEqual({ time: new Date('2025-11-12T10:15:01Z') });
    } finally {
      await owner.query(`ALTER DATABASE ${rows[0]!.name} RESET ALL`);
      await owner.end();
    }
  });
});
