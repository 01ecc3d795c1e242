import { random } from '../../generator/random.ts';

/** Each kind of fault, and how often it stands in the deck of its track. */
const decks = {
  collector: {
    'SIGKILL of the collector': 13,
    'SIGKILL of a collector that starts': 3,
    'SIGKILL of the collector, torn tail': 2,
    'SIGSTOP and SIGCONT of the collector': 1,
    'SIGTERM of the collector': 2,
    'few file descriptors': 1,
    'reload of the collector': 3,
    'thawed holder': 1,
  },
  broker: {
    'restart of the broker': 2,
    'broker hangs': 1,
    'broker connection reset': 3,
    'broker connection half-open': 1,
  },
  database: {
    'SIGKILL of PostgreSQL': 1,
    'loader terminated': 2,
    'database read-only': 1,
    'database hangs': 1,
    'database connection reset': 2,
    'database refuses': 1,
    'database connection half-open': 1,
    'answer to COMMIT lost': 3,
  },
  disk: { 'full disk': 1 },
  clock: { 'clock set ahead': 1, 'clock set behind': 1, 'clock frozen': 1 },
} as const;

export type Track = keyof typeof decks;
export type FaultKind = { [T in Track]: keyof (typeof decks)[T] & string }[Track];

export const tracks = Object.keys(decks) as Track[];
export const faultKinds = tracks.flatMap(kindsOf);

export function kindsOf(track: Track): FaultKind[] {
  return Object.keys(decks[track]) as FaultKind[];
}

/** The least and the greatest wait before a fault, and how long it lasts where it lasts; ms. */
const times: Record<Track, { gap: [number, number]; hold: [number, number] }> = {
  // A collector needs about half a second to its first message: some kills come before, most after it.
  collector: { gap: [200, 4000], hold: [500, 8000] },
  broker: { gap: [4000, 14_000], hold: [500, 9000] },
  database: { gap: [1000, 7000], hold: [500, 8000] },
  disk: { gap: [12_000, 35_000], hold: [1000, 6000] },
  clock: { gap: [3000, 15_000], hold: [1000, 12_000] },
};

export interface Fault {
  kind: FaultKind;
  /** ms from the end of the fault before it on the same track. */
  gapMs: number;
  /** How long it lasts, where it does; ms. */
  holdMs: number;
  /** 0 ≤ dice < 1, for what else the fault has to choose. */
  dice: number;
}

/**
 * The faults of one track, endlessly, by the seed alone. They are dealt from a shuffled deck, and the next one cannot be
 * foretold. The first deck holds each kind once, so that a short run sees all of them.
 * @param kinds what may be dealt; with fewer, some decks are smaller.
 */
export function* faultsOf(seed: number, track: Track, kinds = kindsOf(track)): Generator<Fault, never> {
  const lane = tracks.indexOf(track);
  const { gap, hold } = times[track];
  for (let dealt = 0; ; ) {
    const isFirst = dealt === 0;
    const cards = (Object.entries(decks[track]) as [FaultKind, number][])
      .filter(([kind]) => kinds.includes(kind))
      .flatMap(([kind, count]) => Array<FaultKind>(isFirst ? 1 : count).fill(kind));
    while (cards.length > 0) {
      const draw = (purpose: number) => random(seed, lane, dealt, purpose);
      const [kind] = cards.splice(Math.floor(draw(0) * cards.length), 1);
      yield {
        kind: kind!,
        gapMs: between(gap, draw(1)),
        holdMs: between(hold, draw(2)),
        dice: draw(3),
      };
      dealt++;
    }
  }
}

function between([least, most]: [number, number], share: number): number {
  return Math.round(least + share * (most - least));
}
