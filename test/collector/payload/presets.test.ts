import { expect, test } from 'vitest';
import { shippedPresets } from '../../../collector/payload/presets.ts';
import { decoding } from './decoding.ts';
import { presets } from './preset-messages.ts';

test.each(Object.entries(presets))('%s', (name, { use = `use: ${name}`, cases }) => {
  const decode = decoding(`topics: [{ ${use} }]`);
  for (const [topic, payload, readings] of cases) {
    expect([topic, decode(topic, payload)]).toEqual([topic, readings]);
  }
});

test('Telegraf in batches', () => {
  const decode = decoding('topics: [{ use: telegraf-json, each: metrics }]');
  const metric = { fields: { n: 1 }, name: 'docker', tags: { host: 'raynor' }, timestamp: 1458229140 };
  expect(decode('telegraf/x', { metrics: [metric, { ...metric, tags: { host: 'amaranth' } }] })).toEqual([
    'docker/raynor/n 1 2016-03-17T15:39:00Z',
    'docker/amaranth/n 1 2016-03-17T15:39:00Z',
  ]);
});

test('a filter of your own stands in for the entry that takes what the others leave', () => {
  const decode = decoding(
    'topics: [{ use: victron, filter: "N/abc/{service}/{instance}/{value#}", sensor: "{value}" }]',
  );
  expect(decode('N/abc/vebus/276/State', { value: 9 })).toEqual(['State 9 now']);
});

test('each preset has messages above, and all can be used in one file', () => {
  expect(Object.keys(presets).sort()).toEqual([...shippedPresets().keys()].sort());
  const all = Object.keys(presets).filter(name => name !== 'telegraf-json');
  expect(() => decoding(`topics:\n${all.map(name => `  - use: ${name}`).join('\n')}`)).not.toThrow();
});
