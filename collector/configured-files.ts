import type { Config } from '../base/config.ts';
import { UsageError } from '../base/errors.ts';
import { readTokens } from '../base/http/access.ts';
import { zoneOf } from '../base/time.ts';
import { type AlertsFile, readAlertsFile } from './outlet/alerts/alerts-file.ts';
import { readOutletsFile } from './outlet/outlets-file.ts';
import type { OutletEntry } from './outlet/outlets-schema.ts';
import { configuredTopics } from './payload/configured-topics.ts';
import type { Feedback } from './payload/feedback.ts';
import type { Memory } from './payload/memory.ts';
import { defaultTopics, type Topics } from './payload/topics.ts';
import type { Sensor } from './silver/registry.ts';
import { readRegistry } from './silver/registry-file.ts';

/** What the files say that settings name. */
export interface ConfiguredFiles {
  sensors: Sensor[];
  tokens: Awaited<ReturnType<typeof readTokens>>;
  topics: Topics;
  outlets: OutletEntry[];
  /** undefined: there are no rules. */
  alerts: AlertsFile | undefined;
}

/**
 * Reads all files that settings name.
 * @param memory for formats that learn from earlier messages. @param feedback what formats find in them.
 * @throws {UsageError} with the mistakes of all files at once.
 */
export async function readConfiguredFiles(
  config: Config,
  memory: Memory,
  feedback: Feedback,
): Promise<ConfiguredFiles> {
  const wrong: Error[] = [];
  const read = async <T>(reader: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await reader();
    } catch (error) {
      // Errors of files and settings name each mistake.
      if (!(error instanceof UsageError) && !Array.isArray((error as { problems?: unknown }).problems))
        throw error;
      wrong.push(error as Error);
      return undefined;
    }
  };
  const sensors = await read(() => readRegistry(config.SENSORS_FILE));
  const tokens = await read(() => readTokens(config.HTTP_TOKENS_FILE));
  const topics = await read(() => configuredTopics(config, memory, feedback));
  const outlets = await read(() => configuredOutlets(config, topics));
  const alerts = await read(() => configuredAlerts(config));
  if (wrong.length === 1) throw wrong[0];
  if (wrong.length > 1) throw new UsageError(wrong.map(({ message }) => message).join('\n'));
  return { sensors: sensors!, tokens, topics: topics!, outlets: outlets!, alerts };
}

/**
 * What OUTLETS_FILE says; nothing without it.
 * @param topics what is subscribed to, which no outlet may publish to; undefined: the topics file is wrong itself.
 * @throws {YamlFileError} with every mistake at once.
 */
export function configuredOutlets(config: Config, topics: Topics | undefined): OutletEntry[] {
  const { OUTLETS_FILE: file, MQTT_URL: broker, MQTT_TOPICS, SENSOR_TIMEZONE } = config;
  if (file === undefined) return [];
  const { filters } = topics ?? defaultTopics(MQTT_TOPICS, zoneOf(SENSOR_TIMEZONE));
  return readOutletsFile(file, { broker, subscribed: filters.map(filter => filter.split('/')) });
}

/** What ALERTS_FILE says; undefined without it. @throws {YamlFileError} with every mistake at once. */
export function configuredAlerts({ ALERTS_FILE: file, SMTP_URL, SMTP_FROM }: Config): AlertsFile | undefined {
  const mail = { server: SMTP_URL, from: SMTP_FROM };
  return file === undefined ? undefined : readAlertsFile(file, { mail });
}
