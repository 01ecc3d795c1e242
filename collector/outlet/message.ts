import { formatTime } from '../../base/time.ts';
import type { MinuteMean } from '../gold/minute-mean.ts';
import type { Row } from '../silver/reading-columns.ts';
import type { Quality } from '../silver/registry.ts';

/** What is handed to a consumer: a reading, or a one-minute mean. */
export interface Message {
  /**
   * The same whenever the same thing is sent again. Of a reading `COLLECTOR:FILE:OFFSET`, where its line begins in its raw
   * file, with `:2` and so on behind it for further readings of the line. Of a mean `mean:SENSOR:BUCKET:VERSION`.
   */
  id: string;
  sensorId: string;
  /** When the sensor measured, or when the minute begins: ISO 8601, UTC. */
  time: string;
  /** What there is to say beside these three, in the order in which it is written. */
  fields: Readonly<Record<string, string | number>>;
}

/** The message of a reading. @param path of its raw file, as the ledger has it. @param offset where its line begins. */
export function readingMessage(collector: string, path: string, offset: number, row: Row): Message {
  const { sensorId, time, value, quality, reading } = row;
  return {
    id: `${collector}:${path}:${offset}${reading > 1 ? `:${reading}` : ''}`,
    sensorId,
    time: formatTime(time),
    fields: { value, quality },
  };
}

/** A mean as the queue has it. */
export interface QueuedMean extends MinuteMean {
  /** Another one when the mean was computed again. */
  version: string;
}

/** The message of a one-minute mean. */
export function meanMessage({ bucket, sensor_id, version, ...fields }: QueuedMean): Message {
  return { id: `mean:${sensor_id}:${bucket}:${version}`, sensorId: sensor_id, time: bucket, fields };
}

/** A message as one line of JSON. */
export function jsonOf({ id, sensorId, time, fields }: Message): string {
  return JSON.stringify({ id, sensor_id: sensorId, time, ...fields });
}

/** What a reading or a mean is, as one number: the value, or the mean. */
export function numberOf({ fields }: Message): number {
  return Number(fields.value ?? fields.val_mean);
}

/** Whether a message is of one of these qualities; means are of valid readings only. */
export function isOfQuality({ fields }: Message, qualities: ReadonlySet<Quality>): boolean {
  return fields.quality === undefined || qualities.has(fields.quality as Quality);
}
