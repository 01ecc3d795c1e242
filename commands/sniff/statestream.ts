import type { SeenTopic } from './seen-topics.ts';

/** Domains of Home Assistant that are components of ESPHome as well, whose topics have the same form. */
const SHARED = new Set(
  'alarm_control_panel binary_sensor button climate cover datetime event fan light lock media_player number select sensor switch text update valve'.split(
    ' ',
  ),
);
/** Domains that ESPHome does not have. */
const OWN = new Set(
  'automation calendar camera counter device_tracker group humidifier input_boolean input_button input_datetime input_number input_select input_text lawn_mower person remote scene schedule script siren sun timer todo vacuum water_heater weather zone'.split(
    ' ',
  ),
);
/** Topics that Statestream publishes beside the state. */
const BESIDE = new Set(['friendly_name', 'last_changed', 'last_updated']);

interface Entity {
  base: string;
  domain: string;
  part: string;
  words: readonly string[];
}

/**
 * The first levels of topics that are those of Home Assistant's Statestream, `BASE/DOMAIN/OBJECT/state`. ESPHome's have the
 * same form. Home Assistant's are told by a base that is called homeassistant, by domains that ESPHome lacks beside others, by
 * on and off in lower case, or by the topics of attributes.
 */
export function statestreamBases(seen: readonly SeenTopic[]): string[] {
  const byBase = Map.groupBy(
    seen.flatMap(topic => entityOf(topic) ?? []),
    ({ base }) => base,
  );
  return [...byBase].filter(([base, entities]) => isStatestream(base, entities)).map(([base]) => base);
}

/** Filters of attributes and times below a base, which are published beside the states. */
export function attributeFilters(seen: readonly SeenTopic[], base: string): string[] {
  const topics = seen.map(({ topic }) => topic).filter(topic => isOfEntity(topic, base));
  return [...new Set(topics.map(topic => `${base}/${topic.slice(base.length + 1).split('/')[0]}/+/+`))];
}

/** Whether a topic is one of an entity below the base: its state, an attribute or a time. */
function isOfEntity(topic: string, base: string): boolean {
  const [domain = '', object, part, ...more] = topic.startsWith(`${base}/`)
    ? topic.slice(base.length + 1).split('/')
    : [];
  const isDomain = SHARED.has(domain) || OWN.has(domain);
  return isDomain && object !== undefined && part !== undefined && more.length === 0;
}

function entityOf({ topic, words }: SeenTopic): Entity | undefined {
  const levels = topic.split('/');
  const [domain = '', , part = ''] = levels.slice(-3);
  const base = levels.slice(0, -3).join('/');
  const isDomain = SHARED.has(domain) || OWN.has(domain);
  // Braces mean something in a topics file.
  return isDomain && base !== '' && !/[{}]/.test(base) ? { base, domain, part, words } : undefined;
}

function isStatestream(base: string, entities: readonly Entity[]): boolean {
  const states = entities.filter(({ part }) => part === 'state');
  if (states.length === 0) return false;
  if (base === 'homeassistant') return true;
  const domains = new Set(states.map(({ domain }) => domain));
  return (
    (domains.size > 1 && [...domains].some(domain => OWN.has(domain))) ||
    states.some(
      ({ domain, words }) => domain !== 'sensor' && words.some(word => word === 'on' || word === 'off'),
    ) ||
    entities.some(({ part }) => BESIDE.has(part))
  );
}
