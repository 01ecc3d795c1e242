import { z } from 'zod';
import { pipelineRuleKinds } from './pipeline-rules.ts';
import { receiverKinds } from './receivers.ts';
import { durationMs } from './rule.ts';
import { ruleKinds } from './rules.ts';

const name = z
  .string('must be a name')
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, underscores or hyphens');
const sensorGlob = z.string('must be an id with * and ?').min(1, 'must not be empty');

/** The keys of all rules. */
const common = {
  name: name.describe('Of the rule; Alertmanager has it as alertname.'),
  severity: z
    .string('must be a word')
    .regex(/^[\w-]{1,32}$/, 'must be a word')
    .default('ticket')
    .describe('page, ticket, or a word of yours.'),
  for: durationMs.default(0).describe('It fires when it has held for so long: 10min.'),
  keep: durationMs.default(120_000).describe('It resolves when it has not held for so long; default: 2min.'),
  to: z
    .array(name, 'must be a list of receivers')
    .min(1, 'must not be empty')
    .optional()
    .describe('Names of receivers; default: all.'),
};
/** And those of rules about sensors. */
const aboutSensors = {
  sensors: z
    .union([sensorGlob.transform(glob => [glob]), z.array(sensorGlob).min(1, 'must not be empty')], {
      error: 'must be a pattern such as line1/*, or a list of them',
    })
    .default(['*'])
    .describe('Ids: * stands for any characters, ? for one, a pattern that begins with ! takes away.'),
  group: z
    .string('must be rule, sensor, location or attributes.NAME')
    .regex(/^(?:rule|sensor|location|attributes\.\w+)$/, 'must be rule, sensor, location or attributes.NAME')
    .default('rule')
    .describe(
      'Who is told of together: all of the rule, or those of one location or one attribute of the registry.',
    ),
};

/** Of rules about the pipeline: broker and database need a moment at each start. */
const aboutPipeline = {
  for: durationMs.default(60_000).describe('It fires when it has held for so long; default: 1min.'),
};

const rules = new Map<string, z.ZodType>([
  ...ruleKinds.map(kind => [kind.name, ruleOf(kind, aboutSensors)] as const),
  ...pipelineRuleKinds.map(kind => [kind.name, ruleOf(kind, aboutPipeline)] as const),
]);

function ruleOf(kind: { name: string; options: z.ZodRawShape }, more: z.ZodRawShape): z.ZodType {
  return z.strictObject({ when: z.literal(kind.name), ...common, ...more, ...kind.options });
}

const receivers = new Map<string, z.ZodType>(
  receiverKinds.map(kind => [
    kind.name,
    z.strictObject({ kind: z.literal(kind.name), name: name.describe('For `to:`.'), ...kind.options }),
  ]),
);

/** A rule, as the file says it; `when` tells which further keys there are. */
export type RuleEntry = z.output<z.ZodObject<typeof common>> &
  Partial<z.output<z.ZodObject<typeof aboutSensors>>> & { when: string } & Record<string, unknown>;
/** A receiver, likewise; `kind` tells. */
export type ReceiverEntry = { name: string; kind: string } & Record<string, unknown>;

/** The schema that a rule or a receiver is to be held against. */
export function schemaOf(list: 'rules' | 'receivers', entry: unknown): z.ZodType {
  const [key, schemas] = list === 'rules' ? (['when', rules] as const) : (['kind', receivers] as const);
  const said =
    typeof entry === 'object' && entry !== null ? (entry as Record<string, unknown>)[key] : undefined;
  return (
    schemas.get(said as string) ??
    z.looseObject(
      {
        [key]: z.literal([...schemas.keys()], { error: `must be one of ${[...schemas.keys()].join(', ')}` }),
      },
      { error: `must be a map with the key ${key}` },
    )
  );
}

/** The file's outline; its entries are held against `schemaOf` each. */
export const alertsOutline = z.strictObject(
  {
    receivers: z.array(z.unknown(), { error: 'must be a list of receivers' }).default([]),
    rules: z.array(z.unknown(), { error: 'must be a list of rules' }).min(1, 'must not be empty'),
  },
  { error: 'must be a map with the keys receivers and rules' },
);

/** JSON Schema of the whole file, for editors. */
export function alertsJsonSchema(): unknown {
  const file = z
    .strictObject({
      receivers: z.array(z.union([...receivers.values()])).optional(),
      rules: z.array(z.union([...rules.values()])),
    })
    .describe('Of what somebody is told, and who.');
  return { title: 'Sluice alerts file', ...(z.toJSONSchema(file, { io: 'input' }) as object) };
}
