import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { UsageError } from './errors.ts';
import { isCron } from './schedule.ts';

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

const natsName = text.regex(
  /^[A-Za-z0-9_-]{1,64}$/,
  'must be 1 to 64 letters, digits, underscores or hyphens',
);

/** Every setting of every command. docs/settings.md and `.env.example` are generated from here. */
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
  TOPICS_FILE: {
    schema: text.transform(path => resolve(path)),
    default: undefined,
    meaning:
      'YAML file that says which topics to take and what the messages of other devices mean (docs/devices). It stands in for MQTT_TOPICS.',
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
  MQTT_SHARE: {
    schema: oneOf('refuse', 'allow'),
    default: 'refuse',
    meaning:
      'allow: topic filters may be shared subscriptions (`$share/GROUP/FILTER`). Brokers lose or hold back what a member that is away has not acknowledged, or grant them and deliver nothing: see docs/brokers.md.',
  },
  MQTT_PROTOCOL: {
    schema: oneOf('auto', '5', '3.1.1').transform(value =>
      value === 'auto' ? value : value === '5' ? 5 : 4,
    ),
    default: 'auto',
    meaning:
      'Version of MQTT. auto: 5, and 3.1.1 with a broker that refuses 5 or closes the connection without an answer to it.',
  },
  NATS_URL: {
    schema: text
      .transform(value => value.split(',').map(server => server.trim()))
      .pipe(z.array(url('nats:', 'tls:'))),
    default: undefined,
    meaning:
      'Servers of a NATS cluster, separated by commas, such as nats://one:4222,nats://two:4222. With it messages come from a JetStream consumer, which many collectors may share, and not over MQTT.',
    secret: true,
  },
  NATS_STREAM: {
    schema: natsName,
    default: 'sensors',
    meaning: 'The JetStream stream that captures the messages. It must be there.',
  },
  NATS_CONSUMER: {
    schema: natsName,
    default: 'sluice',
    meaning:
      'The durable pull consumer of that stream; made where it is missing. Collectors that name the same one share the messages.',
  },
  NATS_CREDENTIALS_FILE: {
    schema: text.transform(path => resolve(path)),
    default: undefined,
    meaning:
      'File with the credentials (`.creds`) for NATS, where user and password of NATS_URL are not enough.',
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
    schema: text.transform(path => (path === 'none' ? null : resolve(path))),
    default: 'db/sensors.csv',
    meaning:
      'CSV file of the sensor registry, upserted at start. none: there is no file, the registry lives in the database (`sluice sensors import`).',
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
  LATE_MINUTES: {
    schema: whole(1, 525_600),
    default: '5',
    unit: 'min',
    meaning:
      'A reading is late when one of the same sensor that is more than this much newer was recorded before it.',
  },
  RAW_COMPRESS_AFTER_DAYS: {
    schema: whole(0, 36_500),
    default: '7',
    unit: 'days',
    meaning:
      'Raw files whose day ended at least this long ago are compressed, when they are loaded; 0 is never.',
  },
  RAW_RETENTION_DAYS: {
    schema: whole(0, 36_500),
    default: '0',
    unit: 'days',
    meaning:
      'Raw files (when they are loaded) and rejected messages whose day ended at least this long ago are removed; 0 is never. Keep them for longer than the oldest dump of the database that you may restore.',
  },
  SILVER_RETENTION_DAYS: {
    schema: whole(0, 36_500),
    default: '0',
    unit: 'days',
    meaning:
      'Readings of UTC days that ended at least this long ago are removed from silver; 0 is never. Gold keeps their means.',
  },
  SILVER_CHUNK_DAYS: {
    schema: whole(1, 365),
    default: '1',
    unit: 'days',
    meaning:
      'What a chunk of silver.sensor_reading holds, on TimescaleDB; chunks that are there stay as they are.',
  },
  SILVER_COMPRESS_AFTER_DAYS: {
    schema: whole(0, 36_500),
    default: '7',
    unit: 'days',
    meaning: 'Chunks of silver.sensor_reading are compressed after this long, on TimescaleDB; 0 is never.',
  },
  NIGHTLY_CRON: {
    schema: text.refine(isCron, 'must be a cron expression of 5 or 6 fields, such as 17 3 * * *'),
    default: '17 3 * * *',
    meaning: 'When raw files are compressed and what is too old is removed: a cron expression, in UTC.',
  },
  REPORT_DIR: {
    schema: text.transform(path => resolve(path)),
    default: undefined,
    meaning:
      'Folder into which the collector writes the report of each UTC day, ten minutes after its end, as `<date>.html`. Without it none is written.',
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
    meaning: 'Address of the HTTP API. Another one than loopback needs HTTP_TOKENS_FILE.',
  },
  HTTP_PORT: {
    schema: whole(0, 65_535),
    default: '8080',
    meaning: 'Port of the HTTP API; 0 takes any free one.',
  },
  HTTP_TOKENS_FILE: {
    schema: text.transform(path => resolve(path)),
    default: undefined,
    meaning:
      'File of the tokens that the HTTP API takes, one a line with its rights: `TOKEN read`, `TOKEN ingest` or `TOKEN read,ingest`. Without it everybody on this machine may read and ingest.',
  },
  HTTP_RATE_LIMIT: {
    schema: whole(0, 1_000_000),
    default: '6000',
    unit: 'requests a minute',
    meaning: 'What a client (an address, or a token) may ask of the HTTP API; 0 is no limit.',
  },
  HTTP_MAX_READINGS: {
    schema: whole(1, 1_000_000),
    default: '10000',
    unit: 'readings',
    meaning: 'The most readings that one HTTP request may bring.',
  },
  HTTP_MAX_BODY_BYTES: {
    schema: whole(1024, 67_108_864),
    default: '8388608',
    unit: 'bytes',
    meaning: 'The largest body of an HTTP request.',
  },
  HTTP_MAX_BACKLOG_MB: {
    schema: whole(0, 1_000_000_000),
    default: '10000',
    unit: 'MB',
    meaning:
      'Readings over HTTP are turned away (503) while more than this is recorded and not loaded; 0 is no limit. Those over MQTT are always recorded.',
  },
  EQUIPMENT_ID_PATTERN: {
    schema: text.transform((value, context) => {
      try {
        return new RegExp(value);
      } catch {
        context.addIssue('must be a regular expression, such as ^[A-Z]+-[A-Z0-9]+-\\d{3}$');
        return z.NEVER;
      }
    }),
    default: '^[A-Z]+-[A-Z0-9]+-\\d{3}$',
    meaning:
      'What ids of equipment look like, as `POST /api/v1/sensors/ingest` takes them: a regular expression.',
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
  GENERATOR_POWER: {
    schema: flag,
    default: 'off',
    meaning:
      'on: also play a sensor of voltage and one of current, so that `gold.daily_power` has something to show.',
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
  if (typeof values.HTTP_HOST === 'string' && !isLoopback(values.HTTP_HOST) && !values.HTTP_TOKENS_FILE) {
    problems.push(
      `HTTP_HOST must be 127.0.0.1, ::1 or localhost as long as HTTP_TOKENS_FILE is not set, not "${values.HTTP_HOST}": anybody could read and ingest`,
    );
  }
  problems.push(...retentionProblems(values), ...sharedProblems(values));
  if (problems.length > 0) throw new SettingsError(problems);
  const embedded = { broker: values.MQTT_URL === undefined, postgres: values.DATABASE_URL === undefined };
  values.MQTT_URL ??= `mqtt://127.0.0.1:${values.EMBEDDED_MQTT_PORT}`;
  values.DATABASE_URL ??= `postgresql://sluice:sluice@127.0.0.1:${values.EMBEDDED_POSTGRES_PORT}/sluice`;
  // The registry that comes with Sluice is where Sluice is, wherever it is called from.
  if (!env.SENSORS_FILE?.trim())
    values.SENSORS_FILE = join(import.meta.dirname, '..', settings.SENSORS_FILE.default);
  return { ...values, embedded } as Config;
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
