import type { Logger } from 'pino';
import type { BrokerSession } from './broker-session.ts';
import type { MqttConnection } from './mqtt-connection.ts';

/** What to subscribe to. */
interface Wanted {
  topics: readonly string[];
  qos: 0 | 1;
}

/**
 * Subscribes to the topics of the settings, and unsubscribes from those of earlier settings: the broker's session keeps
 * them until somebody does.
 * @returns what the broker grants less of than asked, for a person.
 * @throws where the broker refuses.
 */
export async function subscribe(
  connection: MqttConnection,
  session: BrokerSession,
  { topics, qos }: Wanted,
  log: Logger,
): Promise<string[]> {
  const note = (noted: string[]) =>
    session
      .note(noted)
      .catch((error: Error) =>
        log.warn(
          { reason: error.message },
          'cannot write down what is subscribed; a topic that leaves the settings may stay subscribed',
        ),
      );
  const unwanted = session.topics.filter(topic => !topics.includes(topic));
  // Before and after: a crash in between must not leave a subscription that nobody knows of.
  await note([...unwanted, ...topics]);
  const lowered = await connection.subscribe([...topics], qos);
  if (unwanted.length > 0) {
    await connection.unsubscribe(unwanted);
    log.info({ topics: unwanted }, 'unsubscribed from topics that are no longer in the settings');
    await note([...topics]);
  }
  const warnings: string[] = [];
  if (lowered.length > 0) {
    warnings.push(`the broker grants QoS 0 only for ${lowered.join(', ')}: messages in flight can be lost`);
  }
  if (connection.shortenedExpiryS !== undefined) {
    warnings.push(
      `the broker keeps our session for only ${connection.shortenedExpiryS} s: what is published in a longer absence is lost`,
    );
  }
  for (const warning of warnings) log.warn(warning);
  return warnings;
}
