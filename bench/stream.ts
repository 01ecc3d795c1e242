import { loadNats } from '../collector/source/jetstream/nats-client.ts';
import { type Nats, startNats } from '../test/harness/nats.ts';

const STREAM = 'sensors';
const CONSUMER = 'collectors';
/** Messages that collectors hold and have not acknowledged: two groups of each. */
const MOST_PENDING = 100_000;

/** A NATS server whose stream takes what sensors publish by MQTT, for collectors that share a consumer. */
export interface Stream extends AsyncDisposable {
  /** Where sensors publish. */
  mqttPort: number;
  /** Settings of the collectors. */
  env: Record<string, string>;
}

export async function startStream(): Promise<Stream> {
  await using stack = new AsyncDisposableStack();
  const server: Nats = stack.use(await startNats());
  const { AckPolicy, connect, jetstreamManager } = await loadNats();
  const connection = await connect({ servers: [server.natsUrl] });
  try {
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: STREAM, subjects: ['sensors.>'] });
    await manager.consumers.add(STREAM, {
      durable_name: CONSUMER,
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: MOST_PENDING,
    });
  } finally {
    await connection.close();
  }
  const kept = stack.move();
  return {
    mqttPort: Number(new URL(server.url).port),
    env: { NATS_URL: server.natsUrl, NATS_STREAM: STREAM, NATS_CONSUMER: CONSUMER },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
