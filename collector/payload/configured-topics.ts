import { createRequire } from 'node:module';
import type { Config } from '../../base/config.ts';
import { zoneOf } from '../../base/time.ts';
import type { Feedback } from './feedback.ts';
import type { Memory } from './memory.ts';
import { defaultTopics, readDefaultTopics, type Topics } from './topics.ts';

/**
 * The topics that the settings name: those of the topics file, or plain messages of MQTT_TOPICS.
 * @param memory for formats that learn from earlier messages: the recorder's, and nobody else's.
 * @param feedback what they notice meanwhile, likewise.
 * @throws {TopicsFileError} with every mistake of the file at once.
 */
export function configuredTopics(
  config: Pick<Config, 'TOPICS_FILE' | 'MQTT_TOPICS' | 'SENSOR_TIMEZONE'>,
  memory?: Memory,
  feedback?: Feedback,
): Topics {
  const { TOPICS_FILE: file, MQTT_TOPICS: filters, SENSOR_TIMEZONE: zone } = config;
  if (file === undefined) return defaultTopics(filters, zoneOf(zone));
  return topicsFile().readTopicsFile(file, {
    zone,
    ...(memory && { memory }),
    ...(feedback && { feedback }),
  });
}

/**
 * Reads what `Topics.text` says, in another thread or years later.
 * @param zone SENSOR_TIMEZONE.
 */
export function readWrittenTopics(text: string, zone: string): Topics {
  return readDefaultTopics(text, zoneOf(zone)) ?? topicsFile().readTopics(text, { zone });
}

/** All formats, presets and the YAML parser: 12 MB in each thread, which only those pay who have a topics file. */
function topicsFile(): typeof import('./topics-file.ts') {
  return createRequire(import.meta.url)('./topics-file.ts');
}
