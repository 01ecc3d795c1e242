import { isUtf8 } from 'node:buffer';

/** Words of states in pairs: what stands for 1, and what for 0. */
const PAIRS = [
  ['on', 'off'],
  ['true', 'false'],
  ['yes', 'no'],
  ['open', 'closed'],
  ['open', 'close'],
  ['opened', 'closed'],
  ['online', 'offline'],
  ['connected', 'disconnected'],
  ['locked', 'unlocked'],
  ['home', 'not_home'],
  ['active', 'inactive'],
  ['enabled', 'disabled'],
  ['detected', 'clear'],
] as const;

const word = /^\p{L}[\p{L}\p{N}_ -]*$/u;
/** Bytes of a payload that may be the word of a state. */
const LONGEST = 40;

/** The word that a payload is, such as `OFF`; undefined: none. */
export function wordIn(payload: Buffer): string | undefined {
  if (payload.length > LONGEST || !isUtf8(payload)) return undefined;
  const text = payload.toString('utf8').trim();
  return word.test(text) ? text : undefined;
}

/**
 * What words of states are as numbers. Both words of a pair are there although one was seen, spelt as that one: a map from
 * the seen word alone would refuse the other.
 */
export function mapOf(words: readonly string[]): Map<string, 0 | 1> {
  const map = new Map<string, 0 | 1>();
  for (const seen of words) {
    for (const [one, zero] of PAIRS.filter(pair =>
      (pair as readonly string[]).includes(seen.toLowerCase()),
    )) {
      map.set(spelt(one, seen), 1).set(spelt(zero, seen), 0);
    }
  }
  return new Map([...map].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)));
}

function spelt(text: string, like: string): string {
  if (like === like.toUpperCase()) return text.toUpperCase();
  return /^\p{Lu}/u.test(like) ? `${text[0]!.toUpperCase()}${text.slice(1)}` : text;
}
