import { type IPublishPacket, type Packet, parser } from 'mqtt-packet';
import { describe, expect, test } from 'vitest';
import { zoneOf } from '../../base/time.ts';
import { encode, encodePublish, type Load, loadStart, payloadOf } from '../../bench/load.ts';
import { canonicalHead } from '../../collector/payload/canonical.ts';
import { decodePayload } from '../harness/plain-messages.ts';

function decode(bytes: Buffer): IPublishPacket[] {
  const packets: Packet[] = [];
  const incoming = parser({ protocolVersion: 4 });
  incoming.on('packet', packet => packets.push(packet));
  incoming.on('error', error => {
    throw error;
  });
  expect(incoming.parse(bytes)).toBe(0);
  return packets as IPublishPacket[];
}

const now = Date.parse('2026-03-05T15:00:00Z');
const load: Load = { count: 25_000, sensors: 10_000, from: loadStart(6, now) };

describe('the load of a benchmark', () => {
  test('is what mqtt-packet reads: topic, payload, QoS 1', () => {
    const packets = decode(encode(load, 0, load.count).bytes);
    expect(packets.length).toBe(load.count);
    for (const [index, packet] of packets.entries()) {
      expect(packet).toMatchObject({ cmd: 'publish', qos: 1, dup: false, retain: false });
      expect(packet.topic).toBe(`sensors/${(index % load.sensors) + 1}`);
      expect(packet.payload.toString()).toBe(payloadOf(load, index));
    }
  });

  test('begins anywhere: slices say the same as the whole', () => {
    const slices = [encode(load, 100, 350), encode(load, 350, 351), encode(load, 351, 600)];
    const whole = encode(load, 100, 600);
    expect(Buffer.concat(slices.map(({ bytes }) => bytes)).equals(whole.bytes)).toBe(true);
    expect(slices.reduce((sum, { lineBytes }) => sum + lineBytes, 0)).toBe(whole.lineBytes);
  });

  test('counts what it comes to in raw files', () => {
    const { lineBytes } = encode(load, 0, 3000);
    const lines = Array.from({ length: 3000 }, (_, index) => `${payloadOf(load, index)}\n`).join('');
    expect(lineBytes).toBe(Buffer.byteLength(lines));
  });

  test('holds each reading once, all of one past date, and each of the common form', () => {
    const keys = new Set<string>();
    for (let index = 0; index < load.count; index++) {
      const payload = Buffer.from(payloadOf(load, index));
      expect(canonicalHead(payload)).toMatch(/2026-03-03$/);
      const reading = decodePayload(payload, zoneOf('UTC'), now);
      if (typeof reading === 'string') throw new Error(reading);
      expect(reading.value).toBeGreaterThanOrEqual(0);
      expect(reading.value).toBeLessThan(45);
      keys.add(`${reading.sensorId} ${reading.time}`);
    }
    expect(keys.size).toBe(load.count);
  });

  test('packet ids of 30,000 messages in flight differ', () => {
    const ids = decode(encode({ ...load, count: 150_000 }, 50_000, 80_000).bytes).map(
      ({ messageId }) => messageId,
    );
    expect(new Set(ids).size).toBe(30_000);
    expect(Math.min(...(ids as number[]))).toBeGreaterThan(0);
  });
});

test.each([10, 100, 117, 118, 119, 200, 1000])('a packet with a payload of %d bytes', bytes => {
  const text = 'x'.repeat(bytes);
  const [packet] = decode(encodePublish('a/topic', text, 65_535));
  expect(packet).toMatchObject({ topic: 'a/topic', messageId: 65_535 });
  expect(packet!.payload.toString()).toBe(text);
});
