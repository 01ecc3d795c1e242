import { type Pipeline, reading } from './pipeline.ts';

export const FIRST = '2025-11-12_Sensor_1.jsonl';
export const SECOND = '2025-11-12_Sensor_2.jsonl';
export const OTHER_DAY = '2025-11-13_Sensor_1.jsonl';

/** Three files with every kind of line, loaded and refreshed. */
export async function loadExample(pipeline: Pipeline): Promise<void> {
  pipeline.record(
    reading('Sensor 1', '2025-11-12T10:15:01Z', 20),
    reading('Sensor 1', '2025-11-12T10:15:02Z', 21.5),
    reading('Sensor 1', '2025-11-12T10:15:01Z', 20),
    reading('Sensor 1', '2025-11-12T10:15:02Z', 99),
  );
  pipeline.write(FIRST, 'no JSON\n');
  pipeline.record(
    reading('Sensor 1', '2025-11-12T10:16:00Z', -5),
    reading('Sensor 1', '2025-11-12T10:16:30.000001Z', 30),
    reading('Sensor 2', '2025-11-12T10:15:01Z', 1e-7),
    reading('Sensor 1', '2025-11-13T00:00:00Z', 25),
  );
  await pipeline.load();
  await pipeline.refresh();
}
