import { covers, type Filter, parseFilter } from '../../collector/payload/filter.ts';
import type { SeenTopic } from './seen-topics.ts';

/** Topics of devices that a preset takes which say the same again, or hold no values. `{device}` is the first level of what it takes. */
const BESIDE: Record<string, readonly string[]> = {
  esphome: ['{device}/status'],
  owntracks: [
    'owntracks/+/+/cmd',
    'owntracks/+/+/event',
    'owntracks/+/+/waypoint',
    'owntracks/+/+/waypoints',
  ],
  rtl_433: ['rtl_433/+/devices/#', 'rtl_433/+/states/#'],
  'shelly-gen2': ['{device}/online', '{device}/status/#'],
  tasmota: ['cmnd/+/#', 'tasmota/discovery/#', 'tele/+/LWT'],
  victron: ['N/+/full_publish_completed', 'N/+/heartbeat', 'N/+/keepalive', 'R/+/keepalive'],
};
/** What devices tell Home Assistant of themselves. */
const DISCOVERY = ['homeassistant/+/+/config', 'homeassistant/+/+/+/config'];

/**
 * Filters of topics that are to be ignored beside what a preset takes.
 * @param taken topics that it takes.
 * @param rest those that it does not.
 */
export function filtersBeside(
  preset: string,
  taken: readonly SeenTopic[],
  rest: readonly SeenTopic[],
): string[] {
  const devices = [...new Set(taken.map(({ topic }) => topic.split('/')[0]!))].filter(
    name => !/[{}]/.test(name),
  );
  const filters = [...(BESIDE[preset] ?? []), ...DISCOVERY].flatMap(filter =>
    filter.startsWith('{device}')
      ? devices.map(device => filter.replace('{device}', () => device))
      : [filter],
  );
  return filters.filter(filter => rest.some(({ topic }) => isBelow(filter, topic)));
}

/** Whether a filter matches a topic. */
export function isBelow(filter: string, topic: string): boolean {
  return covers((parseFilter(filter) as Filter).levels, topic.split('/'));
}
