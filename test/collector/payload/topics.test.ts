import fc from 'fast-check';
import { expect, test } from 'vitest';
import { zoneOf } from '../../../base/time.ts';
import { covers, namesIn, parseFilter } from '../../../collector/payload/filter.ts';
import { FilterTrie } from '../../../collector/payload/filter-trie.ts';
import { defaultTopics } from '../../../collector/payload/topics.ts';

const filterOf = (text: string) => {
  const filter = parseFilter(text);
  if (typeof filter === 'string') throw new Error(filter);
  return filter;
};

/** [MQTT-4.7] in its simplest form. */
function matches(levels: readonly string[], topic: readonly string[]): boolean {
  const [level, ...rest] = levels;
  if (level === '#') return true;
  if (level === undefined || topic.length === 0) return level === undefined && topic.length === 0;
  return (level === '+' || level === topic[0]) && matches(rest, topic.slice(1));
}
const isMatch = (levels: readonly string[], topic: string) =>
  !(topic.startsWith('$') && /^[+#]/.test(levels[0]!)) && matches(levels, topic.split('/'));

const level = fc.constantFrom('', 'a', 'b', '$c', '+');
const levels = fc
  .tuple(fc.array(level, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([some, open]) => (open ? [...some.slice(1), '#'] : some));
const topic = fc
  .array(fc.constantFrom('', 'a', 'b', '$c'), { minLength: 1, maxLength: 5 })
  .map(some => some.join('/'));

test('the first filter that matches is found, as if each had been tried', () => {
  fc.assert(
    fc.property(fc.array(levels, { maxLength: 12 }), topic, (filters, name) => {
      const trie = new FilterTrie();
      for (const filter of filters) trie.add(filter);
      const first = filters.findIndex(filter => isMatch(filter, name));
      expect(trie.find(name)).toBe(first < 0 ? undefined : first);
    }),
    { numRuns: 3000 },
  );
});

test('a filter covers another when it matches whatever that one matches', () => {
  fc.assert(
    fc.property(levels, levels, topic, (outer, inner, name) => {
      if (covers(outer, inner) && isMatch(inner, name)) expect(isMatch(outer, name)).toBe(true);
    }),
    { numRuns: 3000 },
  );
  expect(covers(['a', '#'], ['a'])).toBe(true);
  expect(covers(['#'], ['$SYS', '#'])).toBe(false);
  expect(covers(['+', 'b'], ['a', '#'])).toBe(false);
});

test('names stand for levels', () => {
  const filter = filterOf('homie/{device}/{node}/{rest#}');
  expect(filter).toMatchObject({ subscription: 'homie/+/+/#', levels: ['homie', '+', '+', '#'] });
  expect(Object.fromEntries(namesIn(filter, 'homie/d/n/a/b'))).toEqual({
    device: 'd',
    node: 'n',
    rest: 'a/b',
  });
  expect(Object.fromEntries(namesIn(filter, 'homie/d/n'))).toEqual({ device: 'd', node: 'n', rest: '' });
  expect(filterOf('$share/g/a/{b}')).toMatchObject({ subscription: '$share/g/a/+', levels: ['a', '+'] });
});

test.each([
  ['', 'must not be empty'],
  ['a/#/b', 'must have # or {name#} at its end only'],
  ['a/{b#}/c', 'must have # or {name#} at its end only'],
  ['a/b#', 'must have + and # alone in a level, not "b#"'],
  ['a/b+', 'must have + and # alone in a level, not "b+"'],
  ['a/x{b}', 'must have a wildcard such as {device} alone in a level, not "x{b}"'],
  ['a/{b c}', 'must have a wildcard such as {device} alone in a level, not "{b c}"'],
  ['{b}/{b}', 'must not call two wildcards {b}'],
  ['{topic}', 'must not call a wildcard {topic}: that name has a meaning of its own'],
  ['a\0', 'must not hold a NUL or half a surrogate pair'],
  ['a'.repeat(65_536), 'must not be longer than 65,535 bytes'],
])('%j is no filter: %s', (text, problem) => {
  expect(parseFilter(text)).toBe(problem);
});

test('a thousand filters are found as fast as five: no more levels are looked at', () => {
  const trie = new FilterTrie();
  for (let i = 0; i < 1000; i++) trie.add(['site', `s${i}`, '+', 'temperature']);
  // What it costs is told by the nodes that are visited: one a level here, as each is a literal's.
  let looked = 0;
  const get = Map.prototype.get;
  Map.prototype.get = function (key) {
    looked++;
    return get.call(this, key);
  };
  try {
    expect(trie.find('site/s999/x/temperature')).toBe(999);
  } finally {
    Map.prototype.get = get;
  }
  expect(looked).toBeLessThanOrEqual(5);
});

test('without a topics file every topic has plain messages', () => {
  const topics = defaultTopics(['sensors/#', 'sensors/+', '$share/g/site/+'], zoneOf('UTC'));
  expect(topics.filters).toEqual(['sensors/#', '$share/g/site/+']);
  expect(topics.find('anything')).toBe(topics.plain);
  expect(topics.plain).toMatchObject({ hasEnvelope: false, retained: 'take', hasOwnTime: true });
  expect(topics.hash).toMatch(/^[0-9a-f]{64}$/);
});
