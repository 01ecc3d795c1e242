import { z } from 'zod';
import { oneOf } from './format.ts';
import { formats } from './formats.ts';
import { zoneOption } from './times.ts';

const filter = z
  .string({ error: 'must be a topic filter such as zigbee2mqtt/{device}' })
  .describe(
    'Topic filter of MQTT; {name} stands for + and {name#} for #, and both can be used in templates.',
  );
const retained = oneOf(['skip', 'take'])
  .optional()
  .describe('Messages that the broker had kept: skip (default where the time is the arrival) or take.');

/** An entry whose messages are neither recorded nor decoded. */
const ignored = z.strictObject({ filter, ignore: z.literal(true, { error: 'must be true, or left out' }) });

/** An entry that a preset writes: what it says beside `use`, `filter` and `base` overrules the preset. */
const used = z.looseObject({
  use: z
    .string({ error: 'must be the name of a preset' })
    .describe('A preset that ships with Sluice, or one of this file.'),
  filter: filter
    .optional()
    .describe('Stands in for the filter of the preset’s main entry, which alone is used then.'),
  base: z
    .string({ error: 'must be the first levels of the preset’s topics' })
    .min(1, 'must not be empty')
    .optional()
    .describe('Stands in for the first levels of the preset’s filters: attic/zigbee2mqtt.'),
});

const ofFormat = new Map(
  formats.map(({ name, options }) => {
    const format = z.literal(name).describe('What the payloads look like.');
    // A plain message is what an entry without a format has.
    return [
      name,
      z.strictObject({
        filter,
        format: name === 'sluice' ? format.optional() : format,
        retained,
        ...options,
      }),
    ];
  }),
);

/** The schema that an entry is to be held against, by the keys that it has. */
export function schemaOf(entry: unknown): z.ZodType {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return z.never({ error: 'must be an entry such as {filter: zigbee2mqtt/{device}, use: zigbee2mqtt}' });
  }
  if ('use' in entry) return used;
  if ('ignore' in entry) return ignored;
  const name = 'format' in entry ? entry.format : 'sluice';
  return (
    ofFormat.get(name as string) ??
    z.looseObject({
      filter,
      format: z.literal([...ofFormat.keys()], { error: `must be one of ${[...ofFormat.keys()].join(', ')}` }),
    })
  );
}

const notList = { error: 'must be a list of entries' };
const preset = {
  base: z
    .string({ error: 'must be text' })
    .optional()
    .describe('The first levels of the filters, which `base:` of an entry stands in for.'),
  description: z.string({ error: 'must be text' }).optional(),
};
const outline = {
  zone: zoneOption.optional().describe('Time zone of times that name no offset; default: SENSOR_TIMEZONE.'),
};

/** The file's outline; its entries are held against `schemaOf` each. */
export const topicsOutline = z.strictObject(
  {
    ...outline,
    presets: z
      .record(
        z.string(),
        z.strictObject(
          { ...preset, topics: z.array(z.unknown(), notList).min(1, 'must not be empty') },
          { error: 'must be a map with the key topics' },
        ),
        { error: 'must be a map from names to presets: {mine: {topics: […]}}' },
      )
      .optional(),
    topics: z.array(z.unknown(), notList).min(1, 'must not be empty'),
  },
  { error: 'must be a map with the key topics' },
);

/** A preset's file, likewise. */
export const presetOutline = z.strictObject({ ...preset, topics: z.array(z.unknown(), notList).min(1) });

/** JSON Schema of the whole file, for editors. */
export function topicsJsonSchema(): unknown {
  const entry = z.union([used, ignored, ...ofFormat.values()]);
  const file = z
    .strictObject({
      ...outline,
      presets: z
        .record(z.string(), z.strictObject({ ...preset, topics: z.array(entry) }))
        .optional()
        .describe('Presets of your own, for `use`.'),
      topics: z
        .array(entry)
        .describe('The first entry whose filter matches a topic decides about its messages.'),
    })
    .describe('Which topics Sluice takes, and what their messages mean.');
  return { title: 'Sluice topics file', ...(z.toJSONSchema(file) as object) };
}
