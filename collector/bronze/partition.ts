import { createHash } from 'node:crypto';
import { type Micros, utcDate } from '../../base/time.ts';

/**
 * The longest encoded sensor id. File systems allow 255 bytes a name; the rest is for the date, `.jsonl.gz` and
 * the suffix of a temporary name.
 */
const MAX_SAFE_ID = 200;

/**
 * A sensor id as part of a file name. A space becomes `_`; letters, digits, `.` and `-` stay; every other byte of its
 * UTF-8 is percent-encoded, `_` among them, so that "Sensor 1" and "Sensor_1" stay apart. What would be too long for a
 * file system keeps its beginning and ends in `~` and its SHA-256, which no other encoding can contain.
 */
export function safeSensorId(sensorId: string): string {
  const safe = encodeURIComponent(sensorId).replace(/%20|[_!~*'()]/g, char =>
    char === '%20' ? '_' : `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  if (safe.length <= MAX_SAFE_ID) return safe;
  return `${safe.slice(0, MAX_SAFE_ID - 65)}~${createHash('sha256').update(sensorId).digest('hex')}`;
}

// Sensors are few and send often. Ids that somebody makes up endlessly must not fill the memory.
const MAX_CACHED_IDS = 20_000;
const cache = new Map<string, string>();

/** Name of the raw file that a reading belongs to: `2025-11-12_Sensor_1.jsonl`. */
export function rawFileName(sensorId: string, time: Micros): string {
  let safe = cache.get(sensorId);
  if (safe === undefined) {
    safe = safeSensorId(sensorId);
    if (cache.size >= MAX_CACHED_IDS) cache.clear();
    cache.set(sensorId, safe);
  }
  return `${utcDate(time)}_${safe}.jsonl`;
}

/** Whether a file in the raw folder is one of ours, rather than a note that somebody left there. */
export function isRawFileName(name: string): boolean {
  return /^\d{4}-\d\d-\d\d_[A-Za-z0-9._%~-]+\.jsonl$/.test(name);
}

/** The name of a raw file in the ledger, whether it is compressed or not: offsets count uncompressed bytes. */
export function uncompressedName(name: string): string {
  return name.replace(/\.gz$/, '');
}
