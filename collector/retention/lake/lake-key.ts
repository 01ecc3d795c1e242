import { ObjectName } from '../archive/object-name.ts';

/*
 * Where the objects of the lake are, below the prefix of ARCHIVE_URL: folders that any engine takes for partitioned tables of
 * Parquet files, and two of small lists that say which of these there are, and as of when.
 *
 *   lake/readings/date=2025-11-12/collector=ID/2025-11-12_Sensor_1.parquet    what the lines of an archived file say
 *   lake/objects/2025-11-12.ID.jsonl                                          those of a date and collector, with checksums
 *   lake/flags/date=2025-11-12/flags.parquet                                  what only the database knows of a day
 *   lake/unstored/date=2025-11-12/unstored.parquet
 *   lake/minutes/date=2025-11-12/minutes.parquet
 *   lake/days/2025-11-12.json                                                 that there are these three, with checksums
 *   lake/registry/registry.parquet                                            the sensor registry as it is
 *
 * The date is that of the archived file in the first two, that of the readings in the others.
 */

const ROOT = 'lake';
const ARCHIVED = /\.jsonl\.gz$/;

/** What is written of each day. */
export const DAY_TABLES = ['flags', 'unstored', 'minutes'] as const;
export type DayTable = (typeof DAY_TABLES)[number];

/** The decoded readings of an object of the archive. */
export function readingsKey(archiveKey: string): string {
  return `${ROOT}/readings/${archiveKey.replace(ARCHIVED, '')}.parquet`;
}

/** The list of the decoded files of a UTC date and collector. */
export function listKey(date: string, collector: string): string {
  return `${ROOT}/objects/${date}.${encodeURIComponent(collector)}.jsonl`;
}

export function dayTableKey(table: DayTable, date: string): string {
  return `${ROOT}/${table}/date=${date}/${table}.parquet`;
}

/** The list of what is written of a day. */
export function dayKey(date: string): string {
  return `${ROOT}/days/${date}.json`;
}

export const REGISTRY_KEY = `${ROOT}/registry/registry.parquet`;

/** The object of a raw file's first part, where the ledger does not say another: it is yet to be copied. */
export function archiveKeyOf(collector: string, date: string, file: string): string {
  return new ObjectName(collector, date, file).key;
}
