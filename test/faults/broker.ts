import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startNats, withoutNats } from '../harness/nats.ts';
import { startRabbitmq, withoutRabbitmq } from '../harness/rabbitmq.ts';
import { freePort } from '../harness/server.ts';
import { Mosquitto, mosquittoProgram } from './mosquitto.ts';

/**
 * Of each subscription, of 65,535 for all. The topics file of a run makes four, and those of reloads before a kill may be there
 * until the session is tidied up.
 */
const NATS_ACK_PENDING = 5000;

/** The brokers that a run can have. */
export const brokerKinds = ['mosquitto', 'rabbitmq', 'nats'] as const;
export type BrokerKind = (typeof brokerKinds)[number];

/** A broker that keeps its sessions over a restart. */
export interface FaultsBroker extends AsyncDisposable {
  port: number;
  /** When it was started, ms since 1970. */
  readonly starts: readonly number[];
  start(): Promise<void>;
  /** SIGTERM; resolves when it is gone. */
  stop(): Promise<void>;
}

/** Whether a broker is installed. */
export function hasBroker(kind: BrokerKind): boolean {
  const lacks = { mosquitto: mosquittoProgram === undefined, rabbitmq: withoutRabbitmq, nats: withoutNats };
  return !lacks[kind];
}

/** Starts a broker on a free port. @param folder for what it keeps, where it is Mosquitto. */
export async function startBroker(kind: BrokerKind, folder: string): Promise<FaultsBroker> {
  if (kind === 'mosquitto') {
    const own = join(folder, 'mosquitto');
    await mkdir(own);
    return Mosquitto.start(own, await freePort());
  }
  const broker = kind === 'rabbitmq' ? await startRabbitmq() : await startNats(NATS_ACK_PENDING);
  const starts = [Date.now()];
  const start = () => {
    starts.push(Date.now());
    return broker.start();
  };
  return { ...broker, port: Number(new URL(broker.url).port), starts, start };
}
