import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import { UsageError } from './errors.ts';
import { didYouMean } from './nearest.ts';
import { type Setting, settings } from './settings.ts';

/** All settings were read, and at least one is wrong. `problems` has a line for each. */
export class SettingsError extends UsageError {
  readonly problems: string[];
  constructor(problems: string[]) {
    super(
      `${problems.length === 1 ? 'A setting is' : `${problems.length} settings are`} wrong:\n${problems.map(p => `  ${p}`).join('\n')}`,
    );
    this.name = 'SettingsError';
    this.problems = problems;
  }
}

type Name = keyof typeof settings;
type Value<N extends Name> = z.output<(typeof settings)[N]['schema']>;
type Optional = { [N in Name]: (typeof settings)[N]['default'] extends undefined ? N : never }[Name];

/** Every setting under its own name. */
export type Config = { readonly [N in Exclude<Name, Optional>]: Value<N> } & {
  readonly [N in Exclude<Optional, 'MQTT_URL' | 'DATABASE_URL'>]?: Value<N>;
} & {
  /** Falls back to the address of the embedded broker. */
  readonly MQTT_URL: string;
  /** Falls back to the address of the embedded PostgreSQL. */
  readonly DATABASE_URL: string;
  /** Which of the two addresses nobody set, so that `sluice up` starts a server of its own there. */
  readonly embedded: { readonly broker: boolean; readonly postgres: boolean };
};

/**
 * Reads all settings from an environment.
 *
 * An empty value counts as absent, as docker compose passes one for a variable that is not set.
 * @throws {SettingsError} with every mistake at once.
 */
export function readConfig(env: Record<string, string | undefined>): Config {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries<Setting<unknown>>(settings)) {
    const given = setting.secret ? readSecret(env, name, problems) : env[name];
    const present = given !== undefined && given.trim() !== '';
    // A password may begin or end with a space.
    const raw = !present ? setting.default : setting.secret ? given : given.trim();
    if (raw === undefined) continue;
    const result = setting.schema.safeParse(raw);
    if (result.success) values[name] = result.data;
    else
      problems.push(
        `${name} ${result.error.issues[0]?.message}${setting.secret ? '' : `, not ${JSON.stringify(raw)}`}`,
      );
  }
  if (typeof values.HTTP_HOST === 'string' && !isLoopback(values.HTTP_HOST) && !values.HTTP_TOKENS_FILE) {
    problems.push(
      `HTTP_HOST must be 127.0.0.1, ::1 or localhost as long as HTTP_TOKENS_FILE is not set, not "${values.HTTP_HOST}": anybody could read and ingest`,
    );
  }
  problems.push(
    ...retentionProblems(values),
    ...sharedProblems(values),
    ...archiveProblems(values),
    ...mailProblems(values),
  );
  if (problems.length > 0) throw new SettingsError(problems);
  const embedded = { broker: values.MQTT_URL === undefined, postgres: values.DATABASE_URL === undefined };
  values.MQTT_URL ??= `mqtt://127.0.0.1:${values.EMBEDDED_MQTT_PORT}`;
  values.DATABASE_URL ??= `postgresql://sluice:sluice@127.0.0.1:${values.EMBEDDED_POSTGRES_PORT}/sluice`;
  // The registry that comes with Sluice is where Sluice is, wherever it is called from.
  if (!env.SENSORS_FILE?.trim())
    values.SENSORS_FILE = join(import.meta.dirname, '..', settings.SENSORS_FILE.default);
  return { ...values, embedded } as Config;
}

function archiveProblems(values: Record<string, unknown>): string[] {
  const problems: string[] = [];
  const [id, secret] = ['ARCHIVE_ACCESS_KEY_ID', 'ARCHIVE_SECRET_ACCESS_KEY'] as const;
  if ((values[id] === undefined) !== (values[secret] === undefined))
    problems.push(`${id} and ${secret} must both be set, or neither`);
  if (values.LAKE === 'on' && values.ARCHIVE_URL === undefined)
    problems.push('LAKE=on needs ARCHIVE_URL: the lake is made of the archive');
  return problems;
}

/** Whoever is to be mailed to needs a server. */
function mailProblems(values: Record<string, unknown>): string[] {
  if (values.REPORT_EMAIL === undefined && values.REPORT_BY === undefined) return [];
  const missing = ['SMTP_URL', 'SMTP_FROM'].filter(name => values[name] === undefined);
  if (missing.length === 0) return [];
  const what = values.REPORT_EMAIL === undefined ? 'REPORT_BY' : 'REPORT_EMAIL';
  return [`${missing.join(' and ')} must be set where ${what} is: reports are mailed by that server`];
}

/** Variables of an environment that are called almost like a setting, and are none. @returns with `; did you mean "…"?`. */
export function misspeltSettings(env: Record<string, string | undefined>): { name: string; meant: string }[] {
  const names = Object.keys(settings);
  const known = new Set(names.flatMap(name => [name, `${name}_FILE`]));
  return Object.keys(env)
    .filter(name => !known.has(name) && names.some(setting => distance(name, setting) <= 2))
    .map(name => ({ name, meant: didYouMean(name, names) }));
}

/** What is compressed must be kept for at least as long: compressing what is about to go is a mistake in one of the two. */
function retentionProblems(values: Record<string, unknown>): string[] {
  return (['RAW', 'SILVER'] as const).flatMap(layer => {
    const [compress, retention] = [`${layer}_COMPRESS_AFTER_DAYS`, `${layer}_RETENTION_DAYS`];
    const [after, days] = [Number(values[compress] ?? 0), Number(values[retention] ?? 0)];
    if (days === 0 || days >= after) return [];
    return [`${retention} must be 0 or at least ${compress}, which is ${after} (0 is never), not "${days}"`];
  });
}

function sharedProblems({ MQTT_TOPICS: topics = [], MQTT_SHARE: share }: Record<string, unknown>): string[] {
  const shared = (topics as string[]).filter(isShared);
  if (shared.length === 0 || share === 'allow') return [];
  return [
    `MQTT_TOPICS must not hold ${shared.join(', ')} unless MQTT_SHARE is allow: with shared subscriptions a broker may lose what a member has not acknowledged when it dies`,
  ];
}

/** Whether a topic filter is a shared subscription [MQTT-4.8.2-1]. */
export function isShared(filter: string): boolean {
  return filter.startsWith('$share/');
}

/** Whether an address can be reached from this machine only. */
function isLoopback(host: string): boolean {
  return /^(?:localhost|::1|127(?:\.\d{1,3}){3})$/i.test(host);
}

function readSecret(
  env: Record<string, string | undefined>,
  name: string,
  problems: string[],
): string | undefined {
  const file = env[`${name}_FILE`];
  if (!file) return env[name];
  if (env[name]) {
    problems.push(`${name} and ${name}_FILE are both set; keep one of them`);
    return undefined;
  }
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    problems.push(`${name}_FILE must name a readable file: ${(error as Error).message}`);
    return undefined;
  }
}
