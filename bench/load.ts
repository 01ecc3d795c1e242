/** The messages of a benchmark: `count` readings, dealt to `sensors` sensors in turn, each with a time of its own. */
export interface Load {
  count: number;
  sensors: number;
  /** Time of the first reading, ms since 1970. */
  from: number;
  /** Time between two readings of a sensor; default: 10 ms. */
  stepMs?: number;
}

/** Packet ids of a load; those above are for marks. */
export const LOAD_IDS = 60_000;

/** Time between two readings of a sensor. */
const STEP_MS = 10;

const DAY_MS = 86_400_000;

/** A PUBLISH of a load is never longer: 2 bytes of length, a topic of up to 21 and a payload of up to 100 bytes. */
const MOST_PACKET_BYTES = 160;

/**
 * Where loads begin, ms since 1970: the midnight before last, so that no reading is ahead of the clock, and the raw files
 * of a load are those of one day. Another `hour` gives readings of the same files with other times.
 */
export function loadStart(hour: number, now = Date.now()): number {
  return (Math.floor(now / DAY_MS) - 2) * DAY_MS + hour * 3_600_000;
}

/** Where a load begins in which the day changes after so many messages; ms since 1970. */
export function loadAcrossMidnight(sensors: number, messages: number): number {
  return loadStart(24) - Math.round(messages / sensors) * STEP_MS;
}

export function sensorId(sensor: number): string {
  return `Sensor ${sensor}`;
}

/** Time of the i-th reading as ISO 8601. */
export function timeOf({ sensors, from, stepMs = STEP_MS }: Load, index: number): string {
  return new Date(from + Math.floor(index / sensors) * stepMs).toISOString();
}

/** The i-th value: 0 to 44.99, within the registry's limits. */
export function readingOf(index: number): number {
  return ((index * 7919) % 4500) / 100;
}

/** A reading as it is sent and as a raw file holds it. */
export function payload(sensor: string, time: string, value: number): string {
  return `{"id": "${sensor}", "dt": "${time}", "value": ${value}}`;
}

/** The payload of the i-th message. */
export function payloadOf(load: Load, index: number): string {
  return payload(sensorId((index % load.sensors) + 1), timeOf(load, index), readingOf(index));
}

/** Messages as they go over the wire. */
export interface Packets {
  bytes: Buffer;
  /** What they come to in raw files: the payloads, and a line end each. */
  lineBytes: number;
}

/** MQTT 3.1.1 PUBLISH packets of QoS 1 for messages `start` to `end`, one after the other. */
export function encode(load: Load, start: number, end: number): Packets {
  const buffer = Buffer.allocUnsafe((end - start) * MOST_PACKET_BYTES);
  let at = 0;
  let lineBytes = 0;
  for (let index = start; index < end; index++) {
    const topic = `sensors/${(index % load.sensors) + 1}`;
    const text = payloadOf(load, index);
    at = writePublish(buffer, at, topic, text, (index % LOAD_IDS) + 1);
    lineBytes += text.length + 1;
  }
  return { bytes: buffer.subarray(0, at), lineBytes };
}

/** One PUBLISH packet of QoS 1; topic and payload are ASCII, together shorter than 16,000 bytes. */
export function encodePublish(topic: string, text: string, id: number): Buffer {
  const packet = Buffer.allocUnsafe(topic.length + text.length + 7);
  return packet.subarray(0, writePublish(packet, 0, topic, text, id));
}

function writePublish(buffer: Buffer, from: number, topic: string, text: string, id: number): number {
  const length = 2 + topic.length + 2 + text.length;
  let at = buffer.writeUInt8(0x32, from);
  if (length < 128) at = buffer.writeUInt8(length, at);
  else at = buffer.writeUInt16BE((((length & 127) | 128) << 8) | (length >> 7), at);
  at = buffer.writeUInt16BE(topic.length, at);
  at += buffer.write(topic, at, 'latin1');
  at = buffer.writeUInt16BE(id, at);
  return at + buffer.write(text, at, 'latin1');
}
