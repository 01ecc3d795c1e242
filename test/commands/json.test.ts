import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { reading, SENSORS_FILE, withPipeline } from './verify/pipeline.ts';

test('what a program may read, --json gives as JSON, and nothing besides', async () => {
  await withPipeline(async pipeline => {
    pipeline.record(
      reading('Sensor 1', '2025-11-12T00:00:00Z', 1),
      reading('Sensor 1', '2025-11-12T00:01:00Z', 99),
    );
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await pipeline.sluice([...args, '--json']);
      expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
      return JSON.parse(stdout);
    };
    expect(await run('migrate')).toEqual({ applied: [], timescaledb: null });
    expect(await run('topics')).toEqual(['sensors/#']);
    const row = {
      file: '2025-11-12_Sensor_1.jsonl',
      entry: 'plain messages',
      lines: 2,
      stored: 2,
      present: 0,
      conflicts: 0,
      rejected: 0,
    };
    const { file: _, ...sums } = row;
    const { entry: __, ...total } = sums;
    expect(await run('replay')).toEqual({
      dryRun: false,
      files: [row],
      entries: [sums],
      total,
      forgotten: { lines: 0, before: '' },
      refused: [],
      minutesRefreshed: 2,
    });
    expect(await run('replay', '--dry-run')).toMatchObject({
      dryRun: true,
      total: { present: 2 },
      minutesRefreshed: null,
    });
    expect(await run('verify')).toMatchObject({ ok: true });

    const file = join(pipeline.folder, 'mine.csv');
    writeFileSync(
      file,
      'sensor_id,quantity,unit,min_value,max_value,attributes\nSensor 1,t,C,0,1000,"{""floor"":2}"\n',
    );
    expect(await run('sensors', 'import', file)).toEqual({
      added: 0,
      changed: 1,
      unchanged: 0,
      pruned: 0,
      toReclassify: 1,
    });
    const exported = await run('sensors', 'export', '-');
    expect(exported.find(({ sensor_id }: { sensor_id: string }) => sensor_id === 'Sensor 1')).toMatchObject({
      max_value: 1000,
      attributes: { floor: 2 },
      name: null,
    });
    const changes = [{ sensorId: 'Sensor 1', from: 'out_of_range', to: 'valid', rows: 1 }];
    expect(await run('replay', '--reclassify')).toEqual({
      dryRun: false,
      changes,
      minutesQueued: 2,
      minutesRefreshed: 2,
    });
    expect(await run('report', '--date', '2025-11-12')).toMatchObject({
      date: '2025-11-12',
      sensors: expect.arrayContaining([expect.objectContaining({ id: 'Sensor 1', valid: 2 })]),
    });
    expect(await run('query', 'latest')).toMatchObject([{ sensor_id: 'Sensor 1' }]);
    expect((await pipeline.sluice(['sensors', 'import', SENSORS_FILE, '--json'])).code).toBe(0);
  });
});
