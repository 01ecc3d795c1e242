import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { isShared } from '../../../base/config.ts';

/** How long the broker may take to deliver the probe. */
const PROBE_MS = 5000;

/** What a probe found; `unknown`: nothing was delivered to anybody, so this user may not publish or read the probe. */
type Sharing = 'honoured' | 'ignored' | 'unknown';

/**
 * Makes sure that shared subscriptions, where these filters hold any, bring something.
 * @param options of a connection to that broker.
 * @returns what cannot be told of them, for a person; undefined: there is nothing to say.
 * @throws where they bring nothing, and when the broker cannot be reached.
 */
export async function checkSharing(
  url: string,
  options: IClientOptions,
  filters: readonly string[],
): Promise<string | undefined> {
  const shared = filters.filter(isShared);
  if (shared.length === 0) return undefined;
  const sharing = await probeSharing(url, options);
  if (sharing === 'honoured') return undefined;
  if (sharing === 'unknown')
    return 'whether the broker honours shared subscriptions is not known: this user may not publish and read sluice/probe/#';
  throw new Error(
    `the broker delivers nothing over shared subscriptions, although it may grant them (${shared.join(', ')}): split the topics by filter instead, or share a JetStream consumer (NATS_URL)`,
  );
}

/**
 * Finds out whether a broker honours shared subscriptions, by a message of our own on a topic of its own
 * (`sluice/probe/…`): some grant them and deliver nothing.
 * @param options of a connection to that broker.
 * @throws when the broker cannot be reached.
 */
async function probeSharing(url: string, options: IClientOptions): Promise<Sharing> {
  const nonce = randomBytes(6).toString('hex');
  const topic = `sluice/probe/${nonce}`;
  const connect = (name: string) =>
    mqtt.connectAsync(url, { ...options, clientId: `sluice-probe-${name}-${nonce}`, clean: true }, false);
  await using stack = new AsyncDisposableStack();
  const [plain, shared] = [await connect('a'), await connect('b')];
  for (const client of [plain, shared]) stack.defer(() => client.endAsync(true));
  const seen = new Set<MqttClient>();
  const arrived = Promise.all(
    [plain, shared].map(
      client => new Promise<void>(resolve => client.once('message', () => resolve(void seen.add(client)))),
    ),
  );
  await subscribe(plain, topic);
  await subscribe(shared, `$share/sluice-probe-${nonce}/${topic}`);
  // A refusal (MQTT 5 only) says the same as a message that does not come.
  await plain
    .publishAsync(topic, 'does this broker honour shared subscriptions?', { qos: 1 })
    .catch(() => undefined);
  await Promise.race([arrived, sleep(PROBE_MS)]);
  if (seen.has(shared)) return 'honoured';
  return seen.has(plain) ? 'ignored' : 'unknown';
}

/** A refused subscription brings nothing; that is what the probe finds. */
async function subscribe(client: MqttClient, filter: string): Promise<void> {
  await client.subscribeAsync(filter, { qos: 1 }).catch(() => undefined);
}
