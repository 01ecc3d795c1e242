import { z } from 'zod';
import { kinds } from './kinds.ts';

const qualities = ['valid', 'out_of_range', 'unknown_sensor'] as const;
const BEGINNING = { error: 'must be now, beginning, or a date such as 2025-11-12' };
const sensorGlob = z.string('must be an id with * and ?').min(1, 'must not be empty');

/** The keys of all kinds. */
const common = {
  name: z
    .string('must be a name')
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, underscores or hyphens')
    .describe('Under this name the database keeps how far it has sent: another name begins anew.'),
  send: z
    .enum(['readings', 'means'], { error: 'must be readings or means' })
    .default('readings')
    .describe(
      'readings: each as it is stored; means: those of a minute, when it is over, and again when they change.',
    ),
  sensors: z
    .union([sensorGlob.transform(glob => [glob]), z.array(sensorGlob).min(1, 'must not be empty')], {
      error: 'must be a pattern such as line1/*, or a list of them',
    })
    .default(['*'])
    .describe('Ids: * stands for any characters, ? for one, a pattern that begins with ! takes away.'),
  quality: z
    .union(
      [
        z.enum(qualities).transform(one => [one]),
        z.array(z.enum(qualities, `must be one of ${qualities.join(', ')}`)).min(1, 'must not be empty'),
      ],
      { error: `must be one of ${qualities.join(', ')}, or a list of them` },
    )
    .default([...qualities])
    .describe('Of readings; default: all.'),
  from: z
    .union([z.enum(['now', 'beginning']), z.iso.date(BEGINNING)], BEGINNING)
    .default('now')
    .describe(
      'Where it begins when it is new: with what is stored from now on, with all that is kept, or with the files of a UTC date.',
    ),
  in_flight: z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(50_000, 'must be at most 50000')
    .default(5000)
    .describe('Messages that are on their way at once: so many may be sent again after a crash.'),
};

const ofKind = new Map(
  kinds.map(({ name, options }) => [name, z.strictObject({ kind: z.literal(name), ...common, ...options })]),
);

/** An outlet, as the file says it; `kind` tells which further keys there are. */
export type OutletEntry = z.output<z.ZodObject<typeof common>> & { kind: string } & Record<string, unknown>;

/** The schema that an entry is to be held against, by its kind. */
export function schemaOf(entry: unknown): z.ZodType {
  const name = typeof entry === 'object' && entry !== null && 'kind' in entry ? entry.kind : undefined;
  return (
    ofKind.get(name as string) ??
    z.looseObject(
      { kind: z.literal([...ofKind.keys()], { error: `must be one of ${[...ofKind.keys()].join(', ')}` }) },
      { error: 'must be an outlet such as {name: predictions, kind: redis-list, url: redis://localhost}' },
    )
  );
}

/** The file's outline; its entries are held against `schemaOf` each. */
export const outletsOutline = z.strictObject(
  {
    outlets: z.array(z.unknown(), { error: 'must be a list of outlets' }).min(1, 'must not be empty'),
  },
  { error: 'must be a map with the key outlets' },
);

/** JSON Schema of the whole file, for editors. */
export function outletsJsonSchema(): unknown {
  const file = z
    .strictObject({ outlets: z.array(z.union([...ofKind.values()])) })
    .describe('Who is fed, with what.');
  return { title: 'Sluice outlets file', ...(z.toJSONSchema(file, { io: 'input' }) as object) };
}
