import { readFile } from 'node:fs/promises';
import type { ConsumerInfo, JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Config } from '../../../base/config.ts';

/** How long a member may take until its messages are given to another one; it says so while its disk is slow. */
const ACK_WAIT_MS = 30_000;
/** Messages that all members together may have in flight. */
const MOST_IN_FLIGHT = 100_000;
/** Code of JetStream's API: there is no such stream. */
const STREAM_NOT_FOUND = 10059;
const CONSUMER_NOT_FOUND = 10014;
const NANOS_PER_MS = 1_000_000;

/** Loads the libraries: only those who have a NATS_URL pay for them. */
export async function loadNats() {
  const [transport, jetstream] = await Promise.all([
    import('@nats-io/transport-node'),
    import('@nats-io/jetstream'),
  ]);
  return { ...transport, ...jetstream };
}
export type NatsLibrary = Awaited<ReturnType<typeof loadNats>>;

/** Connects, and connects again whenever the connection is lost, until it is closed. */
export async function connectNats(
  { connect, credsAuthenticator }: NatsLibrary,
  servers: readonly string[],
  { MQTT_CLIENT_ID, NATS_CREDENTIALS_FILE }: Config,
): Promise<NatsConnection> {
  const urls = servers.map(server => new URL(server));
  const { username, password, protocol } = urls[0]!;
  const login =
    NATS_CREDENTIALS_FILE !== undefined
      ? { authenticator: credsAuthenticator(await readFile(NATS_CREDENTIALS_FILE)) }
      : username === ''
        ? {}
        : { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
  return connect({
    servers: urls.map(({ host }) => host),
    name: MQTT_CLIENT_ID,
    maxReconnectAttempts: -1,
    ...(protocol === 'tls:' ? { tls: {} } : {}),
    ...login,
  });
}

/**
 * Makes the durable consumer where it is missing; one that is there is taken as it is.
 * @throws where the stream is missing, or the consumer does not wait for acknowledgements of single messages.
 */
export async function demandConsumer(
  { AckPolicy, DeliverPolicy, JetStreamApiError }: NatsLibrary,
  manager: JetStreamManager,
  { NATS_STREAM: stream, NATS_CONSUMER: name }: Config,
): Promise<ConsumerInfo> {
  const isMissing = (error: unknown, code: number) =>
    error instanceof JetStreamApiError && error.code === code;
  try {
    const found = await manager.consumers.info(stream, name).catch(error => {
      if (isMissing(error, CONSUMER_NOT_FOUND)) return undefined;
      throw error;
    });
    if (found !== undefined) {
      if (found.config.ack_policy === AckPolicy.Explicit && !found.config.deliver_subject) return found;
      throw new Error(
        `The consumer ${name} of the stream ${stream} is not a pull consumer with explicit acknowledgements: set NATS_CONSUMER to another name, or remove it`,
      );
    }
    // Members that start together all make it; the same twice is one.
    return await manager.consumers.add(stream, {
      durable_name: name,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: ACK_WAIT_MS * NANOS_PER_MS,
      max_ack_pending: MOST_IN_FLIGHT,
      max_deliver: -1,
    });
  } catch (error) {
    if (!isMissing(error, STREAM_NOT_FOUND)) throw error;
    throw new Error(
      `There is no stream ${stream}. Make it, for example: nats stream add ${stream} --subjects 'sensors.>' --storage file --replicas 3 --defaults`,
      { cause: error },
    );
  }
}
