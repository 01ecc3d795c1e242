import { Duplex } from 'node:stream';
import fc from 'fast-check';
import mqttPacket from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { PublishFilter } from '../../../collector/source/publish-filter.ts';

interface Received {
  topic: string;
  payload: string;
  id: number;
}

/** Feeds bytes in pieces through a filter. @returns what it took out, and what it handed on. */
async function filter(
  bytes: Buffer,
  cuts: number[],
  version: 4 | 5,
): Promise<{ taken: Received[]; rest: Buffer }> {
  const taken: Received[] = [];
  const transport = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const through = new PublishFilter(transport, version, (topic, payload, id) =>
    taken.push({ topic: topic.toString(), payload: payload.toString('base64'), id }),
  );
  const rest: Buffer[] = [];
  through.on('data', chunk => rest.push(chunk));
  const ended = new Promise(resolve => through.on('end', resolve));
  let at = 0;
  for (const cut of [...new Set(cuts.map(part => Math.floor(part * bytes.length)))].sort((a, b) => a - b)) {
    transport.push(bytes.subarray(at, cut));
    at = cut;
  }
  transport.push(bytes.subarray(at));
  transport.push(null);
  await ended;
  return { taken, rest: Buffer.concat(rest) };
}

const packet = fc.oneof(
  fc.record({
    cmd: fc.constant('publish' as const),
    topic: fc.string({ minLength: 1, maxLength: 40 }).filter(topic => !/[#+\0]/.test(topic)),
    payload: fc
      .oneof(fc.uint8Array({ maxLength: 300 }), fc.constant(new Uint8Array(17_000)))
      .map(bytes => Buffer.from(bytes)),
    qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
    dup: fc.boolean(),
    retain: fc.boolean(),
    messageId: fc.integer({ min: 1, max: 65_535 }),
    userProperties: fc.option(fc.constantFrom({ unit: 'C' }, { a: 'x'.repeat(200) }, { a: '1', b: '2' }), {
      nil: undefined,
    }),
  }),
  fc.constant({ cmd: 'pingresp' as const }),
  fc.record({
    cmd: fc.constant('suback' as const),
    messageId: fc.integer({ min: 1, max: 65_535 }),
    granted: fc.constant([1]),
  }),
);

function encode(item: typeof packet extends fc.Arbitrary<infer T> ? T : never, version: 4 | 5): Buffer {
  if (item.cmd !== 'publish')
    return mqttPacket.generate(item as mqttPacket.Packet, { protocolVersion: version });
  const { userProperties, ...publish } = item;
  const properties = version === 5 && userProperties ? { properties: { userProperties } } : {};
  const dup = publish.qos === 0 ? false : publish.dup;
  return mqttPacket.generate({ ...publish, dup, ...properties } as mqttPacket.Packet, {
    protocolVersion: version,
  });
}

describe.each([4, 5] as const)('the publish filter, protocol version %i', version => {
  it('takes QoS 0 and 1 publications and hands every other byte on, however they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(packet, { maxLength: 12 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }),
        async (items, cuts) => {
          const encoded = items.map(item => encode(item, version));
          const { taken, rest } = await filter(Buffer.concat(encoded), cuts, version);
          const ours = (item: (typeof items)[number]) => item.cmd === 'publish' && item.qos < 2;
          expect(rest).toEqual(Buffer.concat(encoded.filter((_, index) => !ours(items[index]!))));
          expect(taken).toEqual(
            items.flatMap(item =>
              item.cmd === 'publish' && item.qos < 2
                ? [
                    {
                      topic: item.topic,
                      payload: item.payload.toString('base64'),
                      id: item.qos === 0 ? 0 : item.messageId,
                    },
                  ]
                : [],
            ),
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  it('cuts byte by byte', async () => {
    const bytes = Buffer.concat([
      mqttPacket.generate(
        {
          cmd: 'publish',
          topic: 'a',
          payload: 'x'.repeat(200),
          qos: 1,
          messageId: 7,
          dup: false,
          retain: false,
        },
        { protocolVersion: version },
      ),
      mqttPacket.generate({ cmd: 'pingresp' }),
    ]);
    const { taken, rest } = await filter(
      bytes,
      Array.from({ length: bytes.length }, (_, index) => index / bytes.length),
      version,
    );
    expect(taken).toHaveLength(1);
    expect(rest).toEqual(Buffer.from([0xd0, 0]));
  });

  it('leaves what is not well formed to mqtt.js', async () => {
    const bad = [
      // A remaining length of five bytes; a packet id of 0; a topic longer than the packet.
      Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01, 1, 2]),
      Buffer.from([0x32, 5, 0, 1, 0x61, 0, 0]),
      Buffer.from([0x30, 3, 0, 9, 0x61]),
    ];
    for (const bytes of bad) {
      const { taken, rest } = await filter(bytes, [], version);
      expect(taken).toEqual([]);
      expect(rest).toEqual(bytes);
    }
  });
});
