import type { Logger } from 'pino';
import type { Config } from '../base/config.ts';
import { type Access, readTokens } from '../base/http/access.ts';
import { type Change, difference, type Prepare } from '../base/reload.ts';
import type { Recorder } from './bronze/recorder.ts';
import type { Outlets } from './outlet/outlets.ts';
import { configuredTopics } from './payload/configured-topics.ts';
import type { Feedback } from './payload/feedback.ts';
import type { Memory } from './payload/memory.ts';
import type { Topics } from './payload/topics.ts';
import type { LiveStream } from './serve/live-stream.ts';
import type { Loader } from './silver/loader.ts';
import type { Sensor } from './silver/registry.ts';
import { readRegistry } from './silver/registry-file.ts';
import { demandSharing } from './source/open-source.ts';
import type { Source } from './source/source.ts';

/*
 * What a collector reads again while it runs, each as a part of a `Reload`.
 */

/** Who goes by the topics file. */
interface TopicsFollowers {
  recorder: Recorder;
  loader: Loader;
  source: Source;
  stream: LiveStream;
  outlets: Outlets | undefined;
}

/**
 * The topics file. No message falls between the old file and the new one: the loader knows the new one before the first line of it is
 * recorded, the recorder takes what either of them takes until the broker has granted the new topics and given up the old
 * ones, and what is both before and after is neither unsubscribed nor subscribed again.
 */
export function reloadableTopics(
  config: Config,
  topics: Topics,
  memory: Memory,
  feedback: Feedback,
  { recorder, loader, source, stream, outlets }: TopicsFollowers,
): Prepare {
  let present = topics;
  return (): Change | undefined => {
    const next = configuredTopics(config, memory, feedback);
    if (next.hash === present.hash) return undefined;
    demandSharing(config, next.filters);
    return {
      summary: difference(entriesOf(present), entriesOf(next)) ?? { changed: ['order of the entries'] },
      apply: async () => {
        loader.reload({ topics: next.text });
        recorder.alsoTake(next);
        try {
          await source.widen(next.filters);
        } catch (error) {
          recorder.alsoTake(undefined);
          loader.reload({ topics: present.text });
          throw error;
        }
        await source.narrow(next.filters);
        recorder.take(next);
        stream.topics = next;
        outlets?.reload(next.text);
        present = next;
      },
    };
  };
}

/** Entries by their filter. The zone stands beside them, as times mean another thing in another one. */
function entriesOf({ text }: Topics): Map<string, string> {
  const { zone, topics } = JSON.parse(text) as { zone?: string; topics: { filter: string }[] };
  const entries = topics.map(entry => [entry.filter, JSON.stringify(entry)] as const);
  return new Map([...entries, ...(zone === undefined ? [] : [['zone', zone] as const])]);
}

/** The registry file. As at a start, sensors that are in it no more stay in the database. */
export function reloadableRegistry(config: Config, sensors: Sensor[], loader: Loader): Prepare {
  let present = sensors;
  return async (): Promise<Change | undefined> => {
    const next = await readRegistry(config.SENSORS_FILE);
    const summary = difference(sensorsById(present), sensorsById(next));
    if (summary === undefined) return undefined;
    return {
      summary,
      apply: () => {
        loader.reload({ sensors: next });
        present = next;
      },
    };
  };
}

function sensorsById(sensors: Sensor[]): Map<string, string> {
  return new Map(sensors.map(sensor => [sensor.sensor_id, JSON.stringify(sensor)]));
}

/** The tokens of the HTTP API. Whose token is gone is cut off from the stream of events too. */
export function reloadableTokens(config: Config, access: Access, stream: LiveStream): Prepare {
  return async (): Promise<Change | undefined> => {
    const next = await readTokens(config.HTTP_TOKENS_FILE);
    const summary = access.compare(next);
    if (summary === undefined) return undefined;
    return {
      summary,
      apply: () => {
        access.replace(next);
        // Who still has the right comes back by itself.
        if (summary.removed > 0 || summary.changed > 0) stream.stop();
      },
    };
  };
}

/** LOG_LEVEL; of other settings it is said that they wait for a start. */
export function reloadableSettings(config: Config, log: Logger, reread: () => Config): Prepare {
  return (): Change | undefined => {
    const next = reread();
    const waiting = Object.keys(next).filter(
      name => name !== 'LOG_LEVEL' && textOf(next, name) !== textOf(config, name),
    );
    const level = next.LOG_LEVEL === log.level ? undefined : next.LOG_LEVEL;
    if (level === undefined && waiting.length === 0) return undefined;
    return {
      summary: {
        ...(level !== undefined && { LOG_LEVEL: `${log.level} → ${level}` }),
        ...(waiting.length > 0 && { waiting_for_a_start: waiting }),
      },
      apply: () => {
        if (level !== undefined) log.level = level;
      },
    };
  };
}

function textOf(config: Config, name: string): string {
  const value = config[name as keyof Config] as unknown;
  return value instanceof RegExp ? value.source : JSON.stringify(value ?? null);
}
