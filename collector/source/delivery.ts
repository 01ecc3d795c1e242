/**
 * What MQTT says of a message beside its topic and payload, in one number, so that handing it on costs nothing: the packet
 * identifier times 16, plus the flags of the PUBLISH as they stand in its first byte [MQTT-3.3.1]. 0: QoS 0, as most
 * devices publish; also where no broker delivered the message.
 */
export type Delivery = number;

const RETAIN = 1;
const QOS = 6;
const DUP = 8;
const FLAGS = 16;

/** @param id packet identifier (MQTT) or sequence (JetStream); 0 where there is none. @param flags DUP, QoS and RETAIN. */
export function deliveryOf(id: number, flags: number): Delivery {
  return id * FLAGS + flags;
}

/** Identifies the message within its session; 0 for QoS 0. */
export function packetIdOf(delivery: Delivery): number {
  return Math.floor(delivery / FLAGS);
}

/** Quality of service; 3 is malformed [MQTT-3.3.1-4]. */
export function qosOf(delivery: Delivery): number {
  return (delivery & QOS) >> 1;
}

/** Whether the broker keeps it for those who subscribe later, and sends it because we have just subscribed. */
export function isRetained(delivery: Delivery): boolean {
  return (delivery & RETAIN) !== 0;
}

/** Whether the broker says that it has sent the message before; it may have been lost on its way then. */
export function isRepeated(delivery: Delivery): boolean {
  return (delivery & DUP) !== 0;
}
