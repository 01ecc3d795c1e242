import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type IClientOptions, type IConnackPacket, type MqttClient } from 'mqtt';
import type { Config } from '../../base/config.ts';
import { errorText } from '../../base/errors.ts';
import { Findings } from './finding.ts';

const CONNECT_MS = 5000;
/** How long Mosquitto may take to send its retained figures. */
const SYS_MS = 1000;
const ADDRESS = 'MQTT_URL names the broker, MQTT_USERNAME and MQTT_PASSWORD the login';

/**
 * Login, session, subscription and limits of the broker. It is asked under a client id of its own, whose session goes afterwards.
 * @param topics filters to subscribe to; undefined: nobody knows, as the topics file is wrong.
 */
export async function checkBroker(config: Config, topics: readonly string[] | undefined): Promise<Findings> {
  const findings = new Findings('broker');
  const clientId = `${config.MQTT_CLIENT_ID}-check-${randomBytes(4).toString('hex')}`;
  const first = await connect(config, clientId, findings);
  if (first === undefined) return findings;
  try {
    if (topics !== undefined) await checkSubscription(config.MQTT_QOS, topics, first.client, findings);
    else findings.advise('was asked for no topics, as the topics file is wrong', 'correct that first');
    await checkDropped(first.client, findings);
  } finally {
    await first.client.endAsync();
  }
  await checkSession(config, clientId, first.version, findings);
  return findings;
}

/** A connection that keeps its session, and what the broker said to it. */
interface Connection {
  client: MqttClient;
  connack: IConnackPacket;
  version: 4 | 5;
}

function optionsOf(config: Config, clientId: string, version: 4 | 5, clean: boolean): IClientOptions {
  return {
    clientId,
    protocolVersion: version,
    clean,
    reconnectPeriod: 0,
    connectTimeout: CONNECT_MS,
    ...(config.MQTT_USERNAME === undefined ? {} : { username: config.MQTT_USERNAME }),
    ...(config.MQTT_PASSWORD === undefined ? {} : { password: config.MQTT_PASSWORD }),
    ...(version === 5 && !clean ? { properties: { sessionExpiryInterval: 60 } } : {}),
  };
}

async function attempt(config: Config, clientId: string, version: 4 | 5, clean = false): Promise<Connection> {
  const client = mqtt.connect(config.MQTT_URL, optionsOf(config, clientId, version, clean));
  try {
    const connack = await new Promise<IConnackPacket>((resolve, reject) => {
      client.once('connect', resolve);
      client.on('error', reject);
      client.once('close', () => reject(new Error('the broker closed the connection')));
    });
    return { client, connack, version };
  } catch (error) {
    client.end(true);
    throw error;
  }
}

async function connect(
  config: Config,
  clientId: string,
  findings: Findings,
): Promise<Connection | undefined> {
  const { MQTT_PROTOCOL: protocol } = config;
  let failure: unknown;
  for (const version of protocol === 'auto' ? ([5, 4] as const) : ([protocol === 5 ? 5 : 4] as const)) {
    try {
      const connection = await attempt(config, clientId, version);
      const { receiveMaximum } = connection.connack.properties ?? {};
      const most = receiveMaximum === undefined ? '' : `, takes ${receiveMaximum} messages in flight`;
      findings.ok(`accepts the login, speaks MQTT ${version === 5 ? '5' : '3.1.1'}${most}`);
      return connection;
    } catch (error) {
      failure ??= error;
    }
  }
  const address = new URL(config.MQTT_URL);
  const todo = config.embedded.broker
    ? '`sluice up` (npm start) starts one there; MQTT_URL names one of yours'
    : ADDRESS;
  findings.fail(`no connection to ${address.protocol}//${address.host}: ${errorText(failure)}`, todo);
  return undefined;
}

/** Whether the topics are granted, and with the QoS that is asked for. */
async function checkSubscription(
  wanted: 0 | 1,
  topics: readonly string[],
  client: MqttClient,
  findings: Findings,
): Promise<void> {
  for (const topic of topics) {
    const granted = await client
      .subscribeAsync(topic, { qos: wanted })
      .then(([grant]) => grant?.qos ?? 128)
      .catch((): number => 128);
    if (granted >= 128) {
      findings.fail(
        `refuses the subscription to ${topic}`,
        'let the user read that topic in the ACL of the broker',
      );
    } else if (granted < wanted) {
      findings.advise(
        `grants ${topic} with QoS ${granted} only, ${wanted} was asked for`,
        'messages in flight can be lost: allow QoS 1 on the broker',
      );
    } else findings.ok(`grants ${topic} with QoS ${granted}`);
    await client.unsubscribeAsync(topic).catch(() => undefined);
  }
}

/** What Mosquitto tells of messages that it has dropped. Other brokers, and users who may not read it, tell nothing. */
async function checkDropped(client: MqttClient, findings: Findings): Promise<void> {
  const figures = new Map<string, string>();
  client.on('message', (topic, payload) => figures.set(topic, payload.toString()));
  await client.subscribeAsync('$SYS/broker/#').catch(() => undefined);
  await sleep(SYS_MS);
  const version = figures.get('$SYS/broker/version');
  if (version === undefined) return;
  const dropped = Number(figures.get('$SYS/broker/publish/messages/dropped') ?? 0);
  if (dropped === 0) findings.ok(`${version} has dropped no messages since it started`);
  else {
    findings.advise(
      `${version} has dropped ${dropped} messages since it started`,
      'raise max_queued_messages (or set it to 0), max_queued_bytes and max_inflight_messages in mosquitto.conf',
    );
  }
}

/** Whether the broker keeps the session of a client that is away: what it does not keep is lost at every restart. */
async function checkSession(
  config: Config,
  clientId: string,
  version: 4 | 5,
  findings: Findings,
): Promise<void> {
  try {
    const again = await attempt(config, clientId, version);
    await again.client.endAsync();
    if (again.connack.sessionPresent) findings.ok('keeps the session of a client that is away');
    else {
      findings.advise(
        'keeps no session: what is sent while the collector is away is lost',
        'allow persistent sessions on the broker',
      );
    }
    await (await attempt(config, clientId, version, true)).client.endAsync();
  } catch (error) {
    findings.fail(`no second connection: ${errorText(error)}`, ADDRESS);
  }
}
