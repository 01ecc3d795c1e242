import { formatTime, type Micros, utc, zoneOf } from '../../base/time.ts';
import { readTopics } from '../../collector/payload/topics-file.ts';
import { judge } from './message.ts';
import type { SeenTopic } from './seen-topics.ts';

const MINUTE = 60_000_000;
const QUARTER = 15 * MINUTE;
/** Zones by which people know an offset. */
const WELL_KNOWN = [
  'UTC',
  'Europe/London',
  'Europe/Berlin',
  'Europe/Helsinki',
  'Europe/Moscow',
  'America/New_York',
  'America/Chicago',
  'America/Denver',
  'America/Los_Angeles',
  'America/Sao_Paulo',
  'Asia/Dubai',
  'Asia/Kolkata',
  'Asia/Shanghai',
  'Asia/Tokyo',
  'Australia/Sydney',
  'Pacific/Auckland',
];

/**
 * The line of a topics file that names the zone of times without an offset; undefined where none were seen. What such times
 * are ahead of the arrivals of their messages tells how far that zone is ahead of UTC.
 * @param body the file without the line.
 * @param own zones that are likely: SENSOR_TIMEZONE and the machine's.
 */
export function zoneLine(
  seen: readonly SeenTopic[],
  body: string,
  own: readonly string[],
): string | undefined {
  const local = localTimes(seen, body);
  if (local.length === 0) return undefined;
  const found = offsetOf(local);
  if (found === undefined) {
    return `zone: ${own.find(name => zoneOf(name) !== utc) ?? 'UTC'} # Times without an offset were seen: name the zone of the devices.`;
  }
  const { offset, wall } = found;
  const fits = (name: string) => zoneOf(name).offsetAt(wall) === offset;
  const fitting = own.find(fits);
  const ahead = `Times without an offset were seen, which are ${inWords(offset)}`;
  if (fitting !== undefined) return `zone: ${fitting} # ${ahead}.`;
  const example = exampleOf(fits)!;
  const hours = offset / (4 * QUARTER);
  const fixed = Number.isInteger(hours) ? `Etc/GMT${hours > 0 ? '-' : '+'}${Math.abs(hours)}` : example;
  return `zone: ${offset === 0 ? 'UTC' : fixed} # ${ahead}${offset === 0 ? '' : `, as in ${example}`}: name the zone of the devices, for the sake of summer time.`;
}

interface LocalTime {
  /** As if it were in UTC. */
  wall: Micros;
  arrival: Micros;
}

/** The newest local time of each topic's last message, unless the broker had kept that. */
function localTimes(seen: readonly SeenTopic[], body: string): LocalTime[] {
  const [atUtc, elsewhere] = ['UTC', 'Etc/GMT+5'].map(zone =>
    readTopics(`zone: ${zone}\n${body}`, { zone: 'UTC' }),
  );
  return seen.flatMap(({ last }) => {
    const [walls, others] = [atUtc!, elsewhere!].map(topics =>
      judge(topics, last).readings.map(({ time }) => time),
    );
    const times = walls!.filter((time, at) => time !== others![at]);
    if (times.length === 0) return [];
    return [{ wall: Math.max(...times), arrival: last.retain ? Number.NaN : last.arrival }];
  });
}

/** What most times are ahead of UTC, to a quarter of an hour; undefined: they do not tell. */
function offsetOf(local: readonly LocalTime[]): { offset: Micros; wall: Micros } | undefined {
  const rounded = local.flatMap(({ wall, arrival }) => {
    const offset = Math.round((wall - arrival) / QUARTER) * QUARTER;
    return Math.abs(wall - arrival - offset) <= MINUTE ? [{ offset: offset + 0, wall }] : [];
  });
  const groups = [...Map.groupBy(rounded, ({ offset }) => offset).values()];
  const [most] = groups.sort((a, b) => b.length - a.length || b[0]!.offset - a[0]!.offset);
  // A quarter of an hour that is the offset of no zone is a delay.
  const one = most?.[0];
  return one && exampleOf(name => zoneOf(name).offsetAt(one.wall) === one.offset) === undefined
    ? undefined
    : one;
}

function exampleOf(fits: (zone: string) => boolean): string | undefined {
  return WELL_KNOWN.find(fits) ?? Intl.supportedValuesOf('timeZone').find(fits);
}

function inWords(offset: Micros): string {
  if (offset === 0) return 'those of UTC';
  const [hours, minutes] = formatTime(Math.abs(offset)).slice(11, 16).split(':').map(Number);
  const parts = [...(hours === 0 ? [] : [`${hours} h`]), ...(minutes === 0 ? [] : [`${minutes} min`])];
  return `${parts.join(' ')} ${offset > 0 ? 'ahead of' : 'behind'} UTC`;
}
