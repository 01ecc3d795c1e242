import type { ClientBase } from 'pg';
import { RawFileName } from '../bronze/raw-file-name.ts';

/** A pause of more days than this may be a clock that was set ahead: it counts as one day. */
const PAUSE_DAYS = 3;
const DAY_MS = 86_400_000;

/** On which days something was recorded, as days since 1970 in ascending order: what is known of the date beside the clocks. */
export interface RecordedDays {
  /** Days of readings, by the clocks of the sensors. */
  ofSensors: readonly number[];
  /** Days on which messages of topics arrived, by the clock of their collector. */
  ofTopics: readonly number[];
}

/** How many raw files there are of a day. */
export interface FilesOfDay {
  day: number;
  /** They are of the days on which messages arrived. */
  hasArrivals: boolean;
  files: number;
}

/** The days of the raw files that any collector has loaded. */
export async function readRecordedDays(client: ClientBase): Promise<RecordedDays> {
  // The date, and enough of what follows to tell the kinds apart.
  const { rows } = await client.query<{ path: string; files: number }>(
    `SELECT left(path, CASE WHEN path LIKE '__________T%' THEN 18 ELSE 13 END) || '.jsonl' AS path, count(*)::int AS files
     FROM bronze.raw_file WHERE path ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T_]' GROUP BY 1`,
  );
  return recordedDays(
    rows.flatMap(({ path, files }) => {
      const name = RawFileName.ofKey(path);
      return name === undefined ? [] : [{ day: name.day / 86_400, hasArrivals: name.holdsEnvelopes, files }];
    }),
  );
}

/** Takes the days that count. */
export function recordedDays(files: readonly FilesOfDay[]): RecordedDays {
  return {
    ofSensors: usualDays(files.filter(({ hasArrivals }) => !hasArrivals)),
    ofTopics: usualDays(files.filter(({ hasArrivals }) => hasArrivals)),
  };
}

/**
 * Where few files are of a day, a few sensors may have a wrong clock: it counts where it has at least half as many files as
 * a day has that is neither busy nor quiet.
 */
function usualDays(list: readonly FilesOfDay[]): number[] {
  const days = new Map<number, number>();
  for (const { day, files } of list) days.set(day, (days.get(day) ?? 0) + files);
  const counts = [...days.values()].sort((a, b) => a - b);
  const median = counts[counts.length >> 1] ?? 0;
  const usual = [...days].filter(([, files]) => files * 2 >= median);
  return usual.map(([day]) => day).sort((a, b) => a - b);
}

/**
 * The oldest day that is kept where `keep` days are, by what was recorded. The newest day of the sensors is believed, as is
 * the day after it. Days on which messages only arrived have their date from a clock that may be wrong: of those as
 * many are kept as were recorded, however far apart they say that they are.
 * @returns ms since 1970; undefined where nothing was recorded: nothing is to be removed.
 */
export function oldestKept({ ofSensors, ofTopics }: RecordedDays, keep: number): number | undefined {
  const newest = ofSensors.at(-1);
  const said = newest === undefined ? [] : [newest + 1 - keep];
  if (ofTopics.length > 0) said.push(goBack(ofTopics, keep));
  return said.length === 0 ? undefined : Math.max(...said) * DAY_MS;
}

/** The day that is `left` recorded days before the last one. */
function goBack(days: readonly number[], left: number): number {
  let day = days.at(-1)!;
  for (const before of days.toReversed().slice(1)) {
    const apart = day - before > PAUSE_DAYS ? 1 : day - before;
    if (apart > left) break;
    left -= apart;
    day = before;
  }
  return day - left;
}
