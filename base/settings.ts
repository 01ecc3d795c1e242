import { resolve } from 'node:path';
import { z } from 'zod';
import { isCron } from './schedule.ts';
import {
  address,
  addresses,
  bucketUrl,
  flag,
  headers,
  natsName,
  oneOf,
  text,
  timeOfDay,
  timezone,
  topics,
  url,
  whole,
} from './setting-values.ts';

/** One setting: its name stands as its key in `settings`. */
export interface Setting<T> {
  /** Turns the text of the environment into a value, or says what it must be. */
  schema: z.ZodType<T, string>;
  /** The text that stands in where the environment has none; undefined: the setting may be absent. */
  default: string | undefined;
  unit?: string;
  meaning: string;
  /** A secret is never logged, and can be read from the file that `<NAME>_FILE` names. */
  secret?: true;
}

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
  RAW_PARTITION: {
    schema: oneOf('sensor', 'hour'),
    default: 'sensor',
    meaning:
      'What a raw file holds: sensor: the readings of a sensor and UTC date; hour: those of all sensors and a UTC hour, for so many sensors that an fsync for each costs most. It can be changed at any time; what was recorded before stays as it is.',
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
      'Raw files (when they are loaded) and rejected messages whose day ended at least this long ago, by the clocks and by what was recorded since, are removed; 0 is never. Keep them for longer than the oldest dump of the database that you may restore.',
  },
  SILVER_RETENTION_DAYS: {
    schema: whole(0, 36_500),
    default: '0',
    unit: 'days',
    meaning:
      'Readings of UTC days that ended at least this long ago, by the clocks and by what was recorded since, are removed from silver; 0 is never. Gold keeps their means.',
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
  NIGHTLY_VERIFY_MINUTES: {
    schema: whole(0, 1440),
    default: '10',
    unit: 'min',
    meaning:
      'After that, raw files and database are compared, in a process of low priority: files that were loaded since the night before, then those that were not looked at for longest. After so long no further file is begun; 0 is never.',
  },
  ARCHIVE_URL: {
    schema: bucketUrl,
    default: undefined,
    meaning:
      'Object storage (S3 and what speaks its protocol) that raw files and rejected messages are copied to when they are compressed, as `s3://bucket/prefix`. RAW_RETENTION_DAYS then removes nothing that is not there (docs/archive.md). Without it there is no archive.',
  },
  ARCHIVE_ENDPOINT: {
    schema: url('http:', 'https:'),
    default: undefined,
    meaning: 'Address of the object storage, such as https://minio.example.com:9000. Without it that of AWS.',
  },
  ARCHIVE_REGION: {
    schema: text.regex(/^[a-z0-9-]{1,64}$/, 'must be the name of a region, such as eu-central-1'),
    default: undefined,
    meaning:
      'Region of the bucket. Without it AWS_REGION, or us-east-1 where ARCHIVE_ENDPOINT is set, as other servers care little.',
  },
  ARCHIVE_PATH_STYLE: {
    schema: oneOf('auto', 'on', 'off'),
    default: 'auto',
    meaning:
      'on: the bucket stands in the path of an address, off: in its host name. auto: on where ARCHIVE_ENDPOINT is set.',
  },
  ARCHIVE_ACCESS_KEY_ID: {
    schema: text,
    default: undefined,
    meaning:
      "Access key for the object storage. Without it the SDK's own chain looks for one: AWS_ACCESS_KEY_ID, ~/.aws, the role of the machine or container.",
    secret: true,
  },
  ARCHIVE_SECRET_ACCESS_KEY: {
    schema: text,
    default: undefined,
    meaning: 'Secret of ARCHIVE_ACCESS_KEY_ID.',
    secret: true,
  },
  LAKE: {
    schema: oneOf('on', 'off'),
    default: 'off',
    meaning:
      'on: beside the archive (ARCHIVE_URL) the collector writes what Spark, DuckDB and others make silver and gold of: decoded readings of each archived file, and of each day what only the database knows (docs/lake.md).',
  },
  REPORT_DIR: {
    schema: text.transform(path => resolve(path)),
    default: undefined,
    meaning:
      'Folder into which the collector writes the report of each UTC day, ten minutes after its end, as `<date>.html`. Without it none is written.',
  },
  REPORT_EMAIL: {
    schema: addresses,
    default: undefined,
    meaning:
      'Mail addresses, separated by commas, that get the report of each UTC day, as a page and, where there is a Chromium, as PDF (docs/report.md). It needs SMTP_URL and SMTP_FROM.',
  },
  REPORT_AT: {
    schema: timeOfDay,
    default: '08:00',
    meaning:
      'When reports are mailed, with the time zone where that is not UTC: `08:00 Europe/Berlin`. They are about the last UTC day that is over.',
  },
  REPORT_BY: {
    schema: text.regex(/^\w{1,64}$/, 'must be location, or the name of an attribute, such as customer'),
    default: undefined,
    meaning:
      'An attribute of the registry, such as `customer`, or `location`: of the sensors of each a report is mailed to the addresses in their attribute `report_email`.',
  },
  CHROMIUM: {
    schema: text.transform(path => (path === 'none' ? null : path)),
    default: undefined,
    meaning:
      'Program of a Chromium or Chrome, which prints reports as PDF. Without it that of the system, where there is one; none: there is no PDF.',
  },
  SMTP_URL: {
    schema: url('smtp:', 'smtps:'),
    default: undefined,
    meaning:
      'The mail server, for reports and alerts: `smtp://USER:PASSWORD@HOST:587`; `smtps:` for TLS from the start.',
    secret: true,
  },
  SMTP_FROM: {
    schema: address,
    default: undefined,
    meaning: 'Who mail of Sluice comes from.',
  },
  OUTLETS_FILE: {
    schema: text.transform(path => resolve(path)),
    default: undefined,
    meaning:
      'YAML file that says who is fed with readings or means: Redis, NATS JetStream, MQTT, webhooks (docs/outlets.md).',
  },
  ALERTS_FILE: {
    schema: text.transform(path => resolve(path)),
    default: undefined,
    meaning:
      'YAML file of rules about sensors and the pipeline, and of who is told when one holds: Alertmanager, webhooks, e-mail (docs/alerts.md).',
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
      'File of the tokens that the HTTP API takes, one a line with its rights: `TOKEN read`, or several of read, ingest and reload with commas between them. Without it everybody on this machine may do all of that.',
  },
  HTTP_RATE_LIMIT: {
    schema: whole(0, 1_000_000),
    default: '6000',
    unit: 'requests a minute',
    meaning: 'What a client (an address, or a token) may ask of the HTTP API; 0 is no limit.',
  },
  SLOW_QUERY_MS: {
    schema: whole(0, 3_600_000),
    default: '1000',
    unit: 'ms',
    meaning:
      'A question of the HTTP API or the page that the database takes longer to answer is logged, with its name and its SQL; 0: none is. `sluice_query_seconds` has all of them.',
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
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    schema: url('http:', 'https:'),
    default: undefined,
    meaning:
      'Where traces of OpenTelemetry go, by OTLP over HTTP, such as http://localhost:4318: of groups, batches, refreshes and HTTP requests (docs/operating.md). Without it there are none.',
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    schema: headers,
    default: undefined,
    meaning: 'Headers for that, as `name=value`, separated by commas.',
    secret: true,
  },
  OTEL_SERVICE_NAME: { schema: text, default: 'sluice', meaning: 'Name of the service in traces.' },
  GENERATOR_SENSORS: {
    schema: whole(0, 100_000),
    default: undefined,
    unit: 'sensors',
    meaning:
      'How many sensors the generator plays. Without it 5, and none where `sluice up` has a broker of yours (`MQTT_URL`): nothing is published there unasked.',
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
