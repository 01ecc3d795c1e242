import type { Logger } from 'pino';
import { type Config, isShared } from '../../base/config.ts';
import { UsageError } from '../../base/errors.ts';
import { JetStreamSource } from './jetstream/jetstream-source.ts';
import { MqttSource } from './mqtt/mqtt-source.ts';
import type { Sink } from './sink.ts';
import type { Source } from './source.ts';

/**
 * The source that the settings name: a JetStream consumer where there is a NATS_URL, else a subscription over MQTT.
 * @param topics MQTT topic filters to subscribe to. A JetStream consumer brings what its stream captures.
 * @throws {UsageError} where one is a shared subscription and the settings do not allow them.
 */
export function openSource(config: Config, topics: readonly string[], sink: Sink, log: Logger): Source {
  demandSharing(config, topics);
  return config.NATS_URL === undefined
    ? new MqttSource(config, topics, sink, log)
    : new JetStreamSource(config, config.NATS_URL, sink, log);
}

/** @throws {UsageError} where a filter is a shared subscription and the settings do not allow them. */
export function demandSharing({ NATS_URL, MQTT_SHARE }: Config, topics: readonly string[]): void {
  if (NATS_URL !== undefined || MQTT_SHARE === 'allow') return;
  const shared = topics.filter(isShared);
  if (shared.length > 0) {
    throw new UsageError(
      `The topics must not hold ${shared.join(', ')} unless MQTT_SHARE is allow: see docs/brokers.md.`,
    );
  }
}
