import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { zoneOf } from '../../base/time.ts';
import { numberOf } from '../../collector/payload/reading.ts';
import { faultKinds } from '../../generator/faults.ts';
import { type Message, MessageSequence } from '../../generator/messages.ts';
import { decodePayload } from '../harness/plain-messages.ts';

const START = Date.UTC(2025, 10, 12, 10, 15, 1);
const utc = zoneOf('UTC');

interface Run {
  seed?: number;
  sensors?: number;
  faults?: boolean;
  ticks?: number;
}

/** The messages of a run of one-second ticks, a list a tick. */
function run({ seed = 1, sensors = 5, faults = false, ticks = 600 }: Run): Message[][] {
  const sequence = new MessageSequence({ seed, sensors, faults });
  return Array.from({ length: ticks }, (_, tick) => sequence.at(tick, START + tick * 1000));
}

function shown({ topic, payload, kind }: Message): string {
  return `${topic} ${kind} ${payload.toString('latin1')}`;
}

/** What the collector makes of a message. */
function decoded({ payload }: Message) {
  return decodePayload(payload, utc, START + 600_000);
}

test('a message follows the contract', () => {
  const [first] = run({ ticks: 1 });
  expect(first!.map(({ topic }) => topic)).toEqual([
    'sensors/1',
    'sensors/2',
    'sensors/3',
    'sensors/4',
    'sensors/5',
  ]);
  for (const [index, { payload }] of first!.entries()) {
    const fields = JSON.parse(payload.toString());
    expect(Object.keys(fields)).toEqual(['id', 'dt', 'value']);
    expect(fields).toMatchObject({ id: `Sensor ${index + 1}`, dt: '2025-11-12T10:15:01.000Z' });
    expect(fields.value).toBeTypeOf('number');
  }
});

test('without faults each tick has one reading a sensor, with the time of the tick', () => {
  const messages = run({ ticks: 300, sensors: 3 });
  for (const [tick, list] of messages.entries()) {
    expect(list.map(({ kind }) => kind)).toEqual(['reading', 'reading', 'reading']);
    for (const message of list)
      expect(decoded(message)).toMatchObject({ time: (START + tick * 1000) * 1000 });
  }
});

test('the same seed and start give the same sequence, another seed another one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_294_967_294 }), fc.boolean(), (seed, faults) => {
      const once = run({ seed, faults, ticks: 100 }).flat().map(shown);
      expect(run({ seed, faults, ticks: 100 }).flat().map(shown)).toEqual(once);
      expect(
        run({ seed: seed + 1, faults, ticks: 100 })
          .flat()
          .map(shown),
      ).not.toEqual(once);
    }),
    { numRuns: 20 },
  );
});

test('every kind of fault appears within ten minutes of five sensors, yet few messages are faulty', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_294_967_295 }), seed => {
      const messages = run({ seed, faults: true }).flat();
      const faulty = messages.filter(({ kind }) => kind !== 'reading');
      expect(new Set(faulty.map(({ kind }) => kind))).toEqual(new Set(faultKinds));
      expect(faulty.length / messages.length).toBeLessThan(0.05);
    }),
    // With about 12 of each kind expected, one of 100 seeds lacks a kind in 1 of 300 runs: so the seeds are fixed.
    { numRuns: 100, seed: 1 },
  );
});

test('whoever has just switched faults on sees every kind within two minutes, the late one late for LATE_MINUTES', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4_294_967_295 }),
      fc.integer({ min: 1, max: 7 }),
      (seed, sensors) => {
        const messages = run({ seed, sensors, faults: true, ticks: 120 });
        expect(new Set(messages.flat().map(({ kind }) => kind))).toEqual(new Set([...faultKinds, 'reading']));
        const isLate = messages.some((list, tick) =>
          list.some(message => {
            const reading = message.kind === 'late' && decoded(message);
            return typeof reading === 'object' && START + tick * 1000 - reading.time / 1000 > 5 * 60_000;
          }),
        );
        expect(isLate).toBe(true);
      },
    ),
    { numRuns: 30 },
  );
});

test('voltage and current come on request, and change no other message', () => {
  const sequence = new MessageSequence({ seed: 1, sensors: 5, faults: false, power: true });
  for (const [tick, plain] of run({ ticks: 600 }).entries()) {
    const messages = sequence.at(tick, START + tick * 1000);
    expect(messages.slice(0, 5).map(shown)).toEqual(plain.map(shown));
    const [voltage, current] = messages.slice(5).map(({ payload }) => JSON.parse(payload.toString()));
    expect(voltage).toMatchObject({ id: 'Voltage', value: expect.any(Number) });
    expect(Math.abs(voltage.value - 230)).toBeLessThan(5);
    expect(current.id).toBe('Current');
    expect(current.value).toBeGreaterThan(0.3);
    expect(current.value).toBeLessThan(12);
  }
});

test('faults change no other message', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_294_967_295 }), seed => {
      const clean = run({ seed }).flat();
      const faulty = run({ seed, faults: true }).flat();
      const untouched = faulty.filter(({ kind }) => kind === 'reading').map(shown);
      const kept = new Set(untouched);
      // In the same order, byte for byte, less one reading for each fault other than a repetition.
      expect(clean.map(shown).filter(message => kept.has(message))).toEqual(untouched);
      const held = clean.length - untouched.length;
      const replaced = faulty.filter(({ kind }) => kind !== 'reading' && kind !== 'repeated').length;
      // The late one that is shown first is none of those that were held back.
      expect(held).toBeGreaterThanOrEqual(replaced - 1);
      expect(held - replaced).toBeLessThanOrEqual(90);
    }),
    { numRuns: 20 },
  );
});

test('a late reading is the one that was held back, with its own time, out of order', () => {
  const messages = run({ faults: true });
  const clean = run({ faults: false }).map(list => list.map(({ payload }) => payload.toString()));
  let seen = 0;
  for (const [tick, list] of messages.entries()) {
    for (const message of list.filter(({ kind }) => kind === 'late')) {
      const reading = decoded(message);
      if (typeof reading === 'string') throw new Error(reading);
      const own = (reading.time / 1000 - START) / 1000;
      if (!Number.isInteger(own)) continue;
      expect(tick - own).toBeGreaterThanOrEqual(2);
      expect(tick - own).toBeLessThanOrEqual(90);
      expect(clean[own]).toContain(message.payload.toString());
      expect(messages[own]!.map(({ payload }) => payload.toString())).not.toContain(
        message.payload.toString(),
      );
      seen++;
    }
  }
  expect(seen).toBeGreaterThan(0);
});

test('late readings whose tick was left out are sent at the next one', () => {
  const own = (message: Message) => {
    const reading = decoded(message);
    return typeof reading === 'string' ? Number.NaN : (reading.time / 1000 - START) / 1000;
  };
  const lateOf = (list: Message[]) =>
    list.filter(message => message.kind === 'late' && own(message) < 100).map(shown);
  const uninterrupted = lateOf(run({ faults: true, sensors: 50, ticks: 200 }).flat());

  const sequence = new MessageSequence({ seed: 1, sensors: 50, faults: true });
  const before = Array.from({ length: 100 }, (_, tick) => sequence.at(tick, START + tick * 1000)).flat();
  const after = sequence.at(400, START + 400_000);
  expect(lateOf(after).length).toBeGreaterThan(0);
  expect([...lateOf(before), ...lateOf(after)].toSorted()).toEqual(uninterrupted.toSorted());
});

test('each fault is what it is called', async () => {
  const registry = await readFile('db/sensors.csv', 'utf8');
  for (const list of run({ faults: true })) {
    for (const [index, message] of list.entries()) {
      const reading = decoded(message);
      if (message.kind === 'malformed') {
        const stored = typeof reading !== 'string' && typeof numberOf(reading.value) === 'number';
        // One kind is JSON with all three fields: the one in Latin-1 is refused for its bytes, before that.
        expect(stored, shown(message)).toBe(false);
        continue;
      }
      if (typeof reading === 'string') throw new Error(`${reading}: ${shown(message)}`);
      const { sensorId, value } = reading;
      if (message.kind === 'unknown_sensor') expect(registry).not.toContain(sensorId);
      else expect(registry).toContain(`${sensorId},`);
      if (message.kind === 'out_of_range') expect([85, -127]).toContain(value);
      else expect(value).toSatisfy((celsius: number) => celsius >= 0 && celsius <= 45);
      if (message.kind === 'repeated') expect(list[index - 1]!.payload).toEqual(message.payload);
    }
  }
});

test('malformed messages are malformed in many ways', () => {
  const reasons = new Set<string>();
  for (const message of run({ faults: true, ticks: 3000 }).flat()) {
    if (message.kind !== 'malformed') continue;
    const reading = decodePayload(message.payload, utc, START + 3_000_000);
    if (message.payload.length === 0) reasons.add('empty');
    else if (message.payload.includes('NaN')) reasons.add('NaN');
    else if (typeof reading === 'string') reasons.add(reading);
    else reasons.add(numberOf(reading.value) as string);
  }
  expect(reasons).toEqual(
    new Set(['empty', 'NaN', 'not JSON', 'dt is missing', 'value is not a number', 'not UTF-8']),
  );
});
