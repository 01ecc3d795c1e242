import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { RawFileName } from '../collector/bronze/raw-file-name.ts';
import { type Load, payloadOf, readingOf, sensorId, timeOf } from './load.ts';

const CHUNK_LINES = 20_000;

/**
 * Writes what a collector would have recorded of a load into raw files, and the same rows in the same order as COPY's
 * text format (time, sensor_id, value, quality) into another file.
 * @param raw folder of the raw files.
 */
export async function writeRecording(load: Load, raw: string, rowsFile: string, signal: AbortSignal) {
  await using rows = await open(rowsFile, 'w');
  for (let sensor = 1; sensor <= load.sensors; sensor++) {
    await using lines = await open(
      join(raw, RawFileName.ofReading(sensorId(sensor), load.from * 1000).key),
      'w',
    );
    for (let first = sensor - 1; first < load.count; first += CHUNK_LINES * load.sensors) {
      signal.throwIfAborted();
      const end = Math.min(load.count, first + CHUNK_LINES * load.sensors);
      let lineText = '';
      let rowText = '';
      for (let index = first; index < end; index += load.sensors) {
        lineText += `${payloadOf(load, index)}\n`;
        rowText += `${timeOf(load, index)}\t${sensorId(sensor)}\t${readingOf(index)}\tvalid\n`;
      }
      await lines.write(lineText);
      await rows.write(rowText);
    }
    await lines.sync();
  }
  await rows.sync();
}
