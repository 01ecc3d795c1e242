import type { Config } from '../../base/config.ts';
import { zoneOf } from '../../base/time.ts';
import type { Memory } from './memory.ts';
import { defaultTopics, type Topics } from './topics.ts';
import { readTopicsFile } from './topics-file.ts';

/**
 * The topics that the settings name: those of the topics file, or plain messages of MQTT_TOPICS.
 * @param memory for formats that learn from earlier messages: the recorder's, and nobody else's.
 * @throws {TopicsFileError} with every mistake of the file at once.
 */
export function configuredTopics(
  config: Pick<Config, 'TOPICS_FILE' | 'MQTT_TOPICS' | 'SENSOR_TIMEZONE'>,
  memory?: Memory,
): Topics {
  const { TOPICS_FILE: file, MQTT_TOPICS: filters, SENSOR_TIMEZONE: zone } = config;
  if (file === undefined) return defaultTopics(filters, zoneOf(zone));
  return readTopicsFile(file, memory === undefined ? { zone } : { zone, memory });
}
