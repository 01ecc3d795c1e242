import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { isRepeated, isRetained, packetIdOf, qosOf } from '../../../../collector/source/delivery.ts';
import { PacketFramer } from '../../../../collector/source/mqtt/packet-framer.ts';
import { PublishFilter } from '../../../../collector/source/mqtt/publish-filter.ts';
import type { OnBytes, Transport } from '../../../../collector/source/mqtt/transport.ts';

/** Sends chunks through a filter; resolves to what it took out, and to the bytes that it handed on. */
async function filter(protocolVersion: 4 | 5, chunks: readonly Buffer[]) {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const taken: unknown[] = [];
  let receive: OnBytes = () => undefined;
  const open = (onBytes: OnBytes): Transport => {
    receive = onBytes;
    return { stream, pause: () => undefined, resume: () => undefined };
  };
  const under = new PublishFilter(open, protocolVersion, {
    onAccepted: sessionPresent => taken.push({ sessionPresent }),
    onPublish: (topic, payload, delivery, payloadBytes) =>
      taken.push({
        topic: topic.toString(),
        payload: payload.toString('hex'),
        payloadBytes,
        messageId: packetIdOf(delivery),
        qos: qosOf(delivery),
        retain: isRetained(delivery),
        dup: isRepeated(delivery),
      }),
  });
  const rest: Buffer[] = [];
  under.on('data', (chunk: Buffer) => rest.push(chunk));
  // As a transport does: every read into the same memory.
  const memory = Buffer.alloc(Math.max(1, ...chunks.map(chunk => chunk.length)));
  for (const chunk of chunks) {
    chunk.copy(memory);
    receive(memory.subarray(0, chunk.length));
    memory.fill(0xff);
  }
  stream.push(null);
  stream.resume();
  const failure = await new Promise<Error | undefined>(resolve => {
    under.on('end', () => resolve(undefined));
    under.on('error', resolve);
  });
  under.destroy();
  return { taken, rest: Buffer.concat(rest), failure };
}

const others: Packet[] = [
  { cmd: 'pingresp' },
  { cmd: 'suback', messageId: 3, granted: [1] },
  { cmd: 'connack', sessionPresent: true, returnCode: 0, reasonCode: 0 },
  { cmd: 'connack', sessionPresent: false, returnCode: 0, reasonCode: 0 },
  { cmd: 'connack', sessionPresent: false, returnCode: 5, reasonCode: 0x87 },
];
const publish = fc.record({
  topic: fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter(topic => topic.isWellFormed()),
  payload: fc
    .oneof(fc.uint8Array({ maxLength: 300 }), fc.constant(new Uint8Array(20_000)))
    .map(bytes => Buffer.from(bytes)),
  qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
  messageId: fc.integer({ min: 1, max: 65_535 }),
  dup: fc.boolean(),
  retain: fc.boolean(),
  long: fc.boolean(),
});

test.each([4, 5] as const)(
  'MQTT version byte %i: each message comes out once, wherever the chunks end',
  async version => {
    const stream = fc.array(
      fc.oneof({ weight: 4, arbitrary: publish }, { weight: 1, arbitrary: fc.constantFrom(...others) }),
      {
        maxLength: 12,
      },
    );
    const cuts = fc.array(fc.nat(400), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(stream, cuts, async (list, lengths) => {
        const expected = { taken: [] as unknown[], rest: [] as Buffer[] };
        const bytes = list.map(item => {
          if ('cmd' in item) {
            const packet = generate(item, { protocolVersion: version });
            expected.rest.push(packet);
            if (item.cmd === 'connack' && item.reasonCode === 0)
              expected.taken.push({ sessionPresent: item.sessionPresent });
            return packet;
          }
          const { long, messageId, ...rest } = item;
          expected.taken.push({
            ...rest,
            payload: rest.payload.toString('hex'),
            payloadBytes: rest.payload.length,
            messageId: rest.qos > 0 ? messageId : 0,
          });
          const properties = version === 5 ? { userProperties: { k: 'v'.repeat(long ? 200 : 0) } } : {};
          const id = rest.qos > 0 ? { messageId } : {};
          return generate({ cmd: 'publish', ...rest, ...id, properties }, { protocolVersion: version });
        });
        const all = Buffer.concat(bytes);
        const chunks: Buffer[] = [];
        let from = 0;
        for (const length of lengths) {
          if (length > 0 && from < all.length) chunks.push(all.subarray(from, from + length));
          from += length;
        }
        if (from < all.length) chunks.push(all.subarray(from));
        const { taken, rest } = await filter(version, chunks);
        expect(taken).toEqual(expected.taken);
        expect(rest.equals(Buffer.concat(expected.rest))).toBe(true);
      }),
      { numRuns: 200 },
    );
  },
);

test('what is not well formed ends the connection, and nothing behind it is taken', async () => {
  const good = generate({
    cmd: 'publish',
    topic: 't',
    payload: '1',
    qos: 1,
    messageId: 7,
    dup: false,
    retain: false,
  });
  for (const bad of [
    // The topic is longer than the packet; it is empty; the identifier is 0; the length has five bytes.
    [0x32, 0x03, 0x00, 0x09, 0x61],
    [0x32, 0x04, 0x00, 0x00, 0x00, 0x01],
    [0x32, 0x05, 0x00, 0x01, 0x61, 0x00, 0x00],
    [0x32, 0xff, 0xff, 0xff, 0xff, 0x01],
    // QoS 3.
    [0x36, 0x05, 0x00, 0x01, 0x61, 0x00, 0x01],
  ]) {
    const { taken, rest, failure } = await filter(4, [good, Buffer.from(bad), good]);
    expect(taken).toEqual([expect.objectContaining({ topic: 't', payload: '31', messageId: 7 })]);
    expect(rest).toHaveLength(0);
    expect(failure?.message).toBe('the broker sent a malformed packet');
  }
});

test('of a PUBLISH of 200 MiB the beginning is kept and the rest counted, in bounded memory', () => {
  const taken: { payload: Buffer; payloadBytes: number; id: number }[] = [];
  const framer = new PacketFramer(5, {
    onAccepted: () => undefined,
    onPublish: (_topic, payload, delivery, payloadBytes) =>
      taken.push({ payload: Buffer.from(payload), payloadBytes, id: packetIdOf(delivery) }),
    onOther: () => undefined,
  });
  const size = 200 * 1024 * 1024;
  // Fixed header with the length of what follows: topic of one byte, identifier, no properties, payload.
  const length = 3 + 2 + 1 + size;
  const header = [
    0x32,
    (length & 0x7f) | 0x80,
    ((length >> 7) & 0x7f) | 0x80,
    ((length >> 14) & 0x7f) | 0x80,
  ];
  const small = generate(
    { cmd: 'publish', topic: 't', payload: '1', qos: 1, messageId: 8, dup: false, retain: false },
    { protocolVersion: 5 },
  );
  framer.add(Buffer.from([...header, length >> 21, 0, 1, 0x74, 0, 7, 0]));
  const chunk = Buffer.alloc(200 * 1024, 'a');
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  for (let sent = 0; sent < size; sent += chunk.length) {
    const last = sent + chunk.length >= size;
    framer.add(last ? Buffer.concat([chunk.subarray(0, size - sent), small]) : chunk);
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  expect(taken).toEqual([
    { payload: expect.any(Buffer), payloadBytes: size, id: 7 },
    { payload: Buffer.from('1'), payloadBytes: 1, id: 8 },
  ]);
  expect(taken[0]!.payload.length).toBeGreaterThanOrEqual(1024 * 1024);
  expect(taken[0]!.payload.every(byte => byte === 0x61)).toBe(true);
  expect(most).toBeLessThan(8 * 1024 * 1024);
});
