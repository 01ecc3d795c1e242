import { z } from 'zod';
import { parseInterval } from '../../silver/interval.ts';

/** What a rule asks of gold: SQL that gives `sensor_id`, `value`, `bad` and `fine`, over the parameters from $3 on. */
interface Question {
  sql: string;
  values: readonly unknown[];
  /** Of whom nothing is found any more, nothing is wrong any more; without it their alerts stay as they are. */
  absentIsFine?: boolean;
  /** What is wrong, for a person. @param value as the SQL gives it, rounded. */
  summary: (sensor: string, value: string) => string;
}

/** A kind of rule over gold: one file in rules/, and a line in rules.ts. */
export interface RuleKind<Options extends z.ZodRawShape = z.ZodRawShape> {
  /** What `when:` says. */
  name: string;
  /** Its keys, beside those of all rules. */
  options: Options;
  /** What is wrong with a rule whose keys are right one by one. @param report takes the key, and the end of a sentence. */
  examine?(options: z.output<z.ZodObject<Options>>, report: (key: string, message: string) => void): void;
  question(options: z.output<z.ZodObject<Options>>): Question;
}

/** Gives a kind its types; as an element of a list it has lost them. */
export function ruleKind<Options extends z.ZodRawShape>(definition: RuleKind<Options>): RuleKind {
  return definition as unknown as RuleKind;
}

/** A length of time such as 90s, 5min, 2h; in PostgreSQL's words. */
export const interval = z.string('must be a length of time such as 5min').transform((text, context) => {
  const parsed = parseInterval(text);
  if (parsed !== undefined) return parsed;
  context.addIssue('must be a length of time such as 5min');
  return z.NEVER;
});

const UNITS: Record<string, number> = { us: 0.001, ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** The same, or 0, in ms. */
export const durationMs = z.union([z.literal(0).transform(() => 0), interval.transform(millisOf)], {
  error: 'must be a length of time such as 5min, or 0',
});

function millisOf(text: string): number {
  const [, number, unit] = /^([\d.e+]+)([a-z]+)$/.exec(text)!;
  return Number(number) * UNITS[unit!]!;
}

/** SQL: whether the rule is about a sensor; $1 and $2 are patterns. */
export const isMeant = (sensor: string) =>
  `${sensor} ~ ANY ($1::text[]) AND NOT ${sensor} ~ ANY ($2::text[])`;

/** A number, or the end of a span. */
export const number = z.number('must be a number');
