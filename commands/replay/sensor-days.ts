import { utcDate, type Zone } from '../../base/time.ts';
import { splitLines } from '../../collector/bronze/line-reader.ts';
import { streamLines } from '../../collector/bronze/line-stream.ts';
import { RawFileName } from '../../collector/bronze/raw-file-name.ts';
import { UNKNOWN_ARRIVAL } from '../../collector/payload/decoder.ts';
import { SluiceDecoder } from '../../collector/payload/sluice-decoder.ts';
import type { ReplayFile } from './files.ts';

/** Sensors by UTC date (`2025-11-12`). */
export type SensorDays = Map<string, Set<string>>;

/** The sensors and days of which raw files hold readings. A file of the collector's own has one of each, but for those of hours. */
export async function sensorDaysOf(
  files: ReplayFile[],
  zone: Zone,
  progress: (bytes: number, name: string) => void,
): Promise<SensorDays> {
  const days: SensorDays = new Map();
  let before = 0;
  for (const file of files) {
    await addFile(days, file, zone, bytes => progress(before + bytes, file.name));
    before += file.bytes;
  }
  return days;
}

async function addFile(days: SensorDays, file: ReplayFile, zone: Zone, progress: (bytes: number) => void) {
  const decoder = new SluiceDecoder(zone);
  const hasOneOfEach = RawFileName.ofKey(file.name)?.isOfSensor ?? false;
  for await (const { bytes, start, bytesRead } of streamLines(file.path, 'keep')) {
    for (const line of splitLines(bytes, start)) {
      const decoded = decoder.decode('', line.bytes, UNKNOWN_ARRIVAL);
      if (typeof decoded === 'string') continue;
      const [reading] = decoded;
      const day = utcDate(reading.time);
      const sensors = days.get(day);
      if (sensors === undefined) days.set(day, new Set([reading.sensorId]));
      else sensors.add(reading.sensorId);
      if (hasOneOfEach) return;
    }
    progress(bytesRead);
  }
}
