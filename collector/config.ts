import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';

/** One setting: what it is called stands as its key in `settings`. */
interface Setting<T> {
  /** Turns the text of the environment into a value, or says what it must be. */
  schema: z.ZodType<T, string>;
  /** The text that stands in where the environment has none; undefined: the setting may be absent. */
  default: string | undefined;
  unit?: string;
  meaning: string;
  /** A secret is never logged, and can be read from the file that `<NAME>_FILE` names. */
  secret?: true;
}

/** All settings were read, and at least one is wrong. `problems` has a line for each. */
export class SettingsError extends Error {
  readonly problems: string[];
  constructor(problems: string[]) {
    super(
      `${problems.length === 1 ? 'A setting is' : `${problems.length} settings are`} wrong:\n${problems.map(p => `  ${p}`).join('\n')}`,
    );
    this.name = 'SettingsError';
    this.problems = problems;
  }
}

const text = z.string();

function whole(min: number, max: number) {
  const must = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, must)
    .transform(Number)
    .refine(n => n >= min && n <= max, must);
}

function oneOf<const T extends readonly string[]>(...values: T) {
  return z.enum(values, `must be one of ${values.join(', ')}`);
}

function url(...protocols: string[]) {
  const must = `must be a URL that begins with ${protocols.map(p => `${p}//`).join(' or ')}`;
  return text.refine(value => {
    const parsed = URL.parse(value);
    if (parsed === null || !protocols.includes(parsed.protocol) || parsed.hostname === '') return false;
    try {
      // A user name or password with a % that is no escape would fail at each connection.
      decodeURIComponent(parsed.username + parsed.password);
      return true;
    } catch {
      return false;
    }
  }, must);
}

const flag = oneOf('on', 'off').transform(value => value === 'on');

const timezone = text.refine(zone => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}, 'must be a time zone of the IANA database, such as UTC or Europe/Berlin');

// [MQTT-4.7.1-1], [MQTT-4.7.1-2]: "#" stands last and alone in its level, "+" alone in its level.
const topicFilter = /^(?:[^#+\0]*|\+)(?:\/(?:[^#+\0/]*|\+))*(?:(?:^|\/)#)?$/;
const topics = text
  .transform(value => value.split(',').map(topic => topic.trim()))
  .refine(
    list => list.every(topic => topic !== '' && topicFilter.test(topic)),
    'must be MQTT topic filters separated by commas, such as sensors/#,site/+/temperature',
  );

/** Every setting of every command. README's table and `.env.example` are generated from here. */
export const settings = {
  MQTT_URL: {
    schema: url('mqtt:', 'mqtts:', 'ws:', 'wss:', 'tcp:', 'ssl:', 'tls:'),
    default: undefined,
    meaning: 'The broker. Without it `sluice up` starts one of its own, and the other commands use that one.',
    secret: true,
  },
  MQTT_USERNAME: { schema: text, default: undefined, meaning: 'User name for the broker.', secret: true },
  MQTT_PASSWORD: { schema: text, default: undefined, meaning: 'Password for the broker.', secret: true },
  MQTT_CLIENT_ID: {
    schema: text.regex(/^[\x21-\x7e]{1,65}$/, 'must be 1 to 65 printable ASCII characters without spaces'),
    default: 'sluice',
    meaning:
      'Client id of the collector. Keep it stable and unique: the broker keeps our session, and what queues up in it, under this name.',
  },
  MQTT_TOPICS: {
    schema: topics,
    default: 'sensors/#',
    meaning: 'Topic filters to subscribe to, separated by commas.',
  },
  MQTT_KEEPALIVE_S: {
    schema: whole(1, 3600),
    default: '30',
    unit: 's',
    meaning:
      'A connection on which the broker has not answered for one and a half times this long is given up and made anew.',
  },
  MQTT_QOS: {
    schema: oneOf('0', '1').transform(value => (value === '1' ? 1 : 0)),
    default: '1',
    meaning: 'Quality of service of the subscription. 0 means that a message in flight can be lost.',
  },
  DATABASE_URL: {
    schema: url('postgres:', 'postgresql:'),
    default: undefined,
    meaning:
      'PostgreSQL, with or without TimescaleDB. Without it `sluice up` starts one of its own, and the other commands use that one.',
    secret: true,
  },
  DATA_DIR: {
    schema: text.transform(path => resolve(path)),
    default: './data',
    meaning: 'Folder of the raw files, the rejected messages and the embedded PostgreSQL.',
  },
  SENSOR_TIMEZONE: { schema: timezone, default: 'UTC', meaning: 'Time zone of a `dt` that names no offset.' },
  SENSORS_FILE: {
    schema: text.transform(path => resolve(path)),
    default: 'db/sensors.csv',
    meaning: 'CSV file of the sensor registry, upserted at start.',
  },
  BATCH_ROWS: {
    schema: whole(1, 1_000_000),
    default: '5000',
    unit: 'rows',
    meaning: 'A batch is loaded when this many lines wait for it.',
  },
  BATCH_MS: {
    schema: whole(1, 60_000),
    default: '1000',
    unit: 'ms',
    meaning: 'A batch is loaded at the latest this long after its first line was recorded.',
  },
  LOG_LEVEL: {
    schema: oneOf('trace', 'debug', 'info', 'warn', 'error', 'silent'),
    default: 'info',
    meaning: 'The least severe log line that is written.',
  },
  LOG_FORMAT: {
    schema: oneOf('auto', 'json', 'pretty'),
    default: 'auto',
    meaning: 'JSON lines, readable lines, or (auto) readable on a terminal and JSON elsewhere.',
  },
  HTTP_HOST: {
    schema: text.min(1, 'must be a host name or an address'),
    default: '127.0.0.1',
    meaning: 'Address on which /health and /ready are served.',
  },
  HTTP_PORT: {
    schema: whole(0, 65_535),
    default: '8080',
    meaning: 'Port on which /health and /ready are served; 0 takes any free one.',
  },
  GENERATOR_SENSORS: {
    schema: whole(1, 100_000),
    default: '5',
    unit: 'sensors',
    meaning: 'How many sensors the generator plays.',
  },
  GENERATOR_INTERVAL_MS: {
    schema: whole(1, 3_600_000),
    default: '1000',
    unit: 'ms',
    meaning: 'Time between two readings of a generated sensor.',
  },
  GENERATOR_SEED: {
    schema: whole(0, 4_294_967_295),
    default: '1',
    meaning: 'Seed of the generated values and faults; the same seed gives the same run.',
  },
  GENERATOR_FAULTS: {
    schema: flag,
    default: 'off',
    meaning:
      'on: now and then send what real sensors send: late, repeated, out of range, from an unknown sensor, malformed.',
  },
  EMBEDDED_MQTT_PORT: {
    schema: whole(1, 65_535),
    default: '1883',
    meaning: 'Port of the broker that `sluice up` starts.',
  },
  EMBEDDED_POSTGRES_PORT: {
    schema: whole(1, 65_535),
    default: '5433',
    meaning: 'Port of the PostgreSQL that `sluice up` starts.',
  },
} satisfies Record<string, Setting<unknown>>;

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
  if (problems.length > 0) throw new SettingsError(problems);
  const embedded = { broker: values.MQTT_URL === undefined, postgres: values.DATABASE_URL === undefined };
  values.MQTT_URL ??= `mqtt://127.0.0.1:${values.EMBEDDED_MQTT_PORT}`;
  values.DATABASE_URL ??= `postgresql://sluice:sluice@127.0.0.1:${values.EMBEDDED_POSTGRES_PORT}/sluice`;
  // The registry that comes with Sluice is where Sluice is, wherever it is called from.
  if (!env.SENSORS_FILE?.trim())
    values.SENSORS_FILE = join(import.meta.dirname, '..', settings.SENSORS_FILE.default);
  return { ...values, embedded } as Config;
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
