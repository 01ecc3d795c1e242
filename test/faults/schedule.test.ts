import { expect, test } from 'vitest';
import { Messages, messageKinds, numberIn } from './messages.ts';
import { type Fault, faultKinds, faultsOf, type Track, tracks } from './schedule.ts';

function first(seed: number, track: Track, count: number): Fault[] {
  const faults = faultsOf(seed, track);
  return Array.from({ length: count }, () => faults.next().value);
}

test('the same seed gives the same faults, another one others', () => {
  for (const track of tracks) {
    expect(first(7, track, 100)).toEqual(first(7, track, 100));
    expect(first(7, track, 100)).not.toEqual(first(8, track, 100));
  }
});

test.each([1, 2, 3, 4, 5, 6, 7])('every kind of fault comes in two minutes of a run with seed %i', seed => {
  const seen = new Set<string>();
  for (const track of tracks) {
    let ms = 0;
    for (const { kind, gapMs, holdMs } of faultsOf(seed, track)) {
      ms += gapMs + holdMs;
      if (ms > 120_000) break;
      seen.add(kind);
    }
  }
  expect([...seen].sort()).toEqual([...faultKinds].sort());
});

test('no kind of fault comes a second time before all of its track have come', () => {
  for (const track of tracks) {
    const kinds = new Set(first(1, track, 1000).map(({ kind }) => kind));
    expect(new Set(first(9, track, kinds.size).map(({ kind }) => kind))).toEqual(kinds);
  }
});

test('a SIGKILL of the collector is the most frequent fault', () => {
  const kills = first(1, 'collector', 1000).filter(({ kind }) => kind === 'SIGKILL of the collector');
  expect(kills.length).toBeGreaterThan(450);
});

const sequence = { seed: 7, sensors: 60, beginMs: Date.UTC(2025, 10, 12, 10), rate: 2500, envelopes: true };

test('a publication is a function of the seed and its number, which its payload names', () => {
  const messages = new Messages(sequence);
  const again = new Messages(sequence);
  const kinds = new Set<string>();
  const payloads = new Map<string, number>();
  for (let n = 0; n < 5000; n++) {
    const message = messages.at(n);
    kinds.add(message.kind);
    expect(again.at(n)).toEqual(message);
    expect(numberIn(message.payload)).toBe(message.original);
    expect(message.original).toBe(payloads.get(message.payload.toString('latin1')) ?? n);
    payloads.set(message.payload.toString('latin1'), message.original);
  }
  expect([...kinds].sort()).toEqual([...messageKinds].sort());
});

test('a conflict has the sensor and the time of an earlier publication, and its own value', () => {
  const messages = new Messages(sequence);
  const keys = new Map<string, number>();
  let conflicts = 0;
  for (let n = 0; n < 5000; n++) {
    const { kind, payload, file } = messages.at(n);
    if (file === undefined) continue;
    const { id, dt, value } = JSON.parse(payload.toString()) as { id: string; dt: string; value: number };
    const earlier = keys.get(`${id} ${dt}`);
    if (kind === 'reading') expect(earlier).toBeUndefined();
    if (kind === 'conflict' && earlier !== undefined && earlier !== value) conflicts++;
    if (earlier === undefined) keys.set(`${id} ${dt}`, value);
  }
  expect(conflicts).toBeGreaterThan(50);
});
