import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { DataFolder } from '../../collector/bronze/data-folder.ts';
import { rawFolder } from '../../collector/bronze/raw-file-name.ts';
import { Collector } from '../../collector/collector.ts';
import { configuredTopics } from '../../collector/payload/configured-topics.ts';
import type { Progress } from '../../collector/serve/status.ts';
import { faultKinds } from '../../generator/faults.ts';
import { Generator, USUAL_SENSORS } from '../../generator/generator.ts';
import { counted } from '../output/counted.ts';
import { announceAddresses } from '../running-servers.ts';
import { EmbeddedBroker } from './broker.ts';
import { demandPorts } from './ports.ts';
import { EmbeddedPostgres } from './postgres.ts';

/** A first line soon, so that a person sees it work; then one a minute. */
const FIRST_PROGRESS_MS = 10_000;
const PROGRESS_MS = 60_000;

/**
 * The whole pipeline on this machine: broker and PostgreSQL embedded unless real ones are set, the collector, and the
 * generator. Runs until `stopped` resolves.
 */
export async function up(config: Config, log: Logger, stopped: Promise<unknown>): Promise<void> {
  await using undo = new AsyncDisposableStack();
  const folder = await DataFolder.lock(config.DATA_DIR, config.MQTT_CLIENT_ID);
  undo.defer(() => folder.unlock());

  const postgres = new EmbeddedPostgres({
    dataDir: join(config.DATA_DIR, 'postgres'),
    port: config.EMBEDDED_POSTGRES_PORT,
    log: line => log.info(line),
  });
  if (config.embedded.postgres) await postgres.stopLeftOver();
  await demandPorts(config);
  if (config.embedded.postgres) {
    await postgres.start();
    undo.defer(() => postgres.stop());
  }
  if (config.embedded.broker) {
    const broker = new EmbeddedBroker({ port: config.EMBEDDED_MQTT_PORT });
    await broker.start();
    undo.defer(() => broker.stop());
  }
  undo.use(
    await announceAddresses(config.DATA_DIR, {
      ...(config.embedded.broker && { broker: config.MQTT_URL }),
      ...(config.embedded.postgres && { database: config.DATABASE_URL }),
    }),
  );
  const collector = new Collector(config, log, folder);
  undo.defer(() => collector.stop());
  const http = await collector.start();
  const sensors = playedSensors(config);
  if (sensors > 0) {
    const generator = new Generator({ config, log });
    await generator.start();
    undo.defer(() => generator.stop());
  }

  process.stdout.write(welcome(config, http));
  let timer = setTimeout(function tell() {
    process.stdout.write(`${new Date().toISOString().slice(11, 19)}  ${progressText(collector.progress)}\n`);
    timer = setTimeout(tell, PROGRESS_MS);
  }, FIRST_PROGRESS_MS);
  undo.defer(() => clearTimeout(timer));

  const ended = await Promise.race([stopped, collector.failed]);
  if (ended instanceof Error) throw ended;
  process.stdout.write('Stopping: acknowledging what is recorded, loading what is pending ...\n');
}

/** How many sensors are simulated: into a broker of somebody else nothing is published unasked. */
export function playedSensors({ GENERATOR_SENSORS: sensors, embedded }: Config): number {
  return sensors ?? (embedded.broker ? USUAL_SENSORS : 0);
}

function welcome(config: Config, http: string): string {
  const raw = rawFolder(config.DATA_DIR);
  const sensors = playedSensors(config);
  const played =
    sensors === 0
      ? 'no simulated sensors (GENERATOR_SENSORS=5 plays five)'
      : `${counted(sensors, 'sensor')}, a reading each every ${config.GENERATOR_INTERVAL_MS} ms`;
  return `
Sluice is running: ${played}. Ctrl-C stops it.
${sensors === 0 ? '' : `${extras(config)}${untakenText(config)}`}
  Broker      ${withoutPassword(config.MQTT_URL)}   (topics ${config.TOPICS_FILE === undefined ? config.MQTT_TOPICS.join(', ') : `of ${config.TOPICS_FILE}`})
  Database    psql ${config.embedded.postgres ? config.DATABASE_URL : withoutPassword(config.DATABASE_URL)}
  Raw files   tail -f ${raw}/*.jsonl
  Page        ${http}/

Try, in psql:

  SELECT * FROM silver.sensor_reading ORDER BY time DESC LIMIT 5;
  SELECT * FROM gold.reading_1min_mean ORDER BY bucket DESC, sensor_id LIMIT 5;

`;
}

/** Every message is in one of the numbers. */
export function progressText({ recorded, stored, pendingBytes, ...rest }: Progress): string {
  const { duplicates, conflicts, refused, rejected } = rest;
  // What is seldom is shown where there is some.
  const some = (count: number, what: string) => (count > 0 ? [`${count} ${what}`] : []);
  return [
    `${recorded} recorded`,
    `${stored} stored`,
    ...some(duplicates, 'sent twice'),
    ...some(conflicts, 'conflicting'),
    ...some(refused, 'not storable'),
    `${rejected} rejected`,
    `${counted(pendingBytes, 'byte')} to load`,
  ].join(', ');
}

/** Whether the topics file takes what the generator sends. */
function untakenText(config: Config): string {
  if (config.TOPICS_FILE === undefined) return '';
  const entry = configuredTopics(config).find('sensors/1');
  if (entry !== undefined && !entry.ignore && !entry.hasEnvelope) return '';
  return `The simulated sensors publish plain messages to sensors/1 and so on, which ${config.TOPICS_FILE} does not take: its first entry would be "- filter: sensors/#".\n`;
}

/** What the generator sends besides, a line each. */
function extras({ GENERATOR_FAULTS: faults, GENERATOR_POWER: power }: Config): string {
  let text = '';
  const names = faultKinds.map(kind => kind.replaceAll('_', ' '));
  if (faults)
    text += `Faults are on, each kind within two minutes, then now and then: ${names.join(', ')}.\n`;
  if (power) text += 'A voltage and a current are sent as well: see gold.daily_power.\n';
  return text;
}

function withoutPassword(address: string): string {
  const url = new URL(address);
  if (url.password !== '') url.password = '***';
  return url.href;
}
