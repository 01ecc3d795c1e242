import { fileURLToPath } from 'node:url';
import { migrate } from '../../db/migrate.ts';
import type { Program } from '../../test/harness/program.ts';
import { freePort } from '../../test/harness/server.ts';
import type { Bench } from '../bench.ts';
import { Broker } from '../broker.ts';
import { BenchFolder, startCollector } from '../collector-process.ts';
import { BenchDatabase } from '../database.ts';
import type { HttpAnswers, HttpLoad } from '../http-client.ts';
import { loadStart } from '../load.ts';
import type { Plan } from '../plan.ts';
import type { PartResult } from '../result.ts';
import { ratios, type Spread, spread } from '../stats.ts';
import { measure, type StartSubscriber } from '../subscriber.ts';
import { cpuMicros, residentMegabytes } from '../usage.ts';

const client = fileURLToPath(new URL('../http-client.ts', import.meta.url));

const READINGS = 1000;
const POSTING = 4;
/** Of one reader, and of as many as are served at once. */
const READING = [1, 4];
/** The day that is read: 5 sensors, a reading a second; about 28 MB of JSON. */
const DAY = '2024-05-01';
const SENSORS = 5;

/** Ingest and reading over HTTP, and what reading at full speed takes from MQTT. */
export async function measureHttp(bench: Bench, plan: Plan): Promise<PartResult> {
  const { posts, days, amount, rounds } = plan.http;
  await using template = await databaseWithDay(bench);
  await template.release();
  const ingest: number[] = [];
  const read = READING.map((): number[] => []);
  const alone: number[] = [];
  const beside: number[] = [];
  for (let round = 0; round < rounds; round++) {
    ingest.push(await postReadings(bench, posts));
    for (const [index, connections] of READING.entries()) {
      read[index]!.push(await readDays(bench, template.name, connections, days));
    }
    const mqtt = [
      { rates: alone, readers: 0 },
      { rates: beside, readers: READING.at(-1)! },
    ];
    // By turns with the one first and the other.
    for (const { rates, readers } of round % 2 === 0 ? mqtt : mqtt.reverse()) {
      rates.push((await measure(bench, amount, startBeside(template.name, readers))).rate);
    }
    bench.print(
      `  round ${round + 1}: ${ingest.at(-1)!.toFixed(0)} readings/s stored, ${read.map(mb => mb.at(-1)!.toFixed(1)).join(' and ')} MB/s read, ` +
        `MQTT ${alone.at(-1)!.toFixed(0)} msg/s alone and ${beside.at(-1)!.toFixed(0)} beside readers`,
    );
  }
  const row = (name: string, found: Spread, unit: string) => [name, found, unit];
  const ratio = ratios(beside, alone);
  return {
    title: 'HTTP',
    method:
      `autocannon, on the same machine. POST /api/v1/readings: ${posts} requests of ${READINGS} readings as NDJSON on ${POSTING} ` +
      'connections, from the first request to the last row committed. GET /data: a day of 5 sensors, a reading a second, as JSON, not ' +
      `compressed, ${days} times on each connection, while nothing else goes on. MQTT: ${amount.messages.toLocaleString('en')} messages of ` +
      `${amount.sensors} sensors as under Throughput, alone and while ${READING.at(-1)} connections read that day over and over. ${rounds} round(s).`,
    columns: [{ title: '' }, { title: 'found' }, { title: '' }],
    rows: [
      row('POST of 1,000 readings', spread(ingest), 'readings/s stored'),
      ...READING.map((connections, index) =>
        row(`GET of a day, ${connections} at once`, spread(read[index]!), 'MB/s'),
      ),
      row('MQTT, no readers', spread(alone), 'msg/s'),
      row(`MQTT, ${READING.at(-1)} readers at full speed`, spread(beside), 'msg/s'),
    ],
    figures: {
      'readings/s stored': spread(ingest),
      'MB/s read': spread(read[0]!),
      'MQTT beside readers to alone': ratio,
    },
    rounds: { ingest, read, alone, beside, readers: READING },
  };
}

/** A collector, its HTTP address and its database; gone at the end of the scope. */
async function startHttp(bench: Bench, broker: Broker, sensors: number, template?: string) {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await BenchDatabase.create(bench, template));
  const folder = stack.use(await BenchFolder.create(bench, sensors));
  const port = await freePort();
  const collector = await startCollector(bench, {
    folder,
    brokerUrl: broker.url,
    databaseUrl: database.url,
    env: { HTTP_PORT: `${port}`, HTTP_RATE_LIMIT: '0' },
  });
  stack.defer(() => collector.stop());
  const kept = stack.move();
  return {
    database,
    collector,
    http: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function startClient(bench: Bench, load: HttpLoad): Promise<Program> {
  return bench.programs.start('http client', process.execPath, [client, JSON.stringify(load)]);
}

async function ask(bench: Bench, load: HttpLoad): Promise<HttpAnswers> {
  const program = await startClient(bench, load);
  await program.nextLine();
  program.tell('go');
  const answers = JSON.parse(await program.nextLine()) as HttpAnswers;
  await program.succeed();
  if (answers.bad > 0) throw new Error(`${answers.bad} of ${load.requests} requests to ${load.url} failed`);
  return answers;
}

/** @returns readings a second, from the first request to the last row committed. */
async function postReadings(bench: Bench, requests: number): Promise<number> {
  await using broker = await Broker.start(bench);
  await using server = await startHttp(bench, broker, SENSORS);
  const readings = requests * READINGS;
  const load = { sensors: SENSORS, count: readings, from: loadStart(0) };
  const { began } = await ask(bench, {
    url: `${server.http}/api/v1/readings`,
    connections: POSTING,
    requests,
    post: { load, readings: READINGS },
  });
  return (readings * 1000) / ((await server.database.untilLines(readings)) - began);
}

/** @returns MB a second, all connections together. */
async function readDays(bench: Bench, template: string, connections: number, days: number): Promise<number> {
  await using broker = await Broker.start(bench);
  await using server = await startHttp(bench, broker, SENSORS, template);
  const { began, ended, bytes } = await ask(bench, {
    url: `${server.http}/data?from=${DAY}&to=${DAY}`,
    connections,
    requests: days * connections,
  });
  return bytes / 1000 / (ended - began);
}

/** Sluice as a subscriber, while so many connections read the day over and over. */
function startBeside(template: string, readers: number): StartSubscriber {
  return async (bench, broker, sensors) => {
    await using stack = new AsyncDisposableStack();
    const server = stack.use(await startHttp(bench, broker, sensors, template));
    if (readers > 0) {
      const url = `${server.http}/data?from=${DAY}&to=${DAY}`;
      const reading = await startClient(bench, { url, connections: readers });
      stack.defer(async () => reading.kill());
      await reading.nextLine();
      reading.tell('go');
    }
    const kept = stack.move();
    const { database, collector } = server;
    return {
      untilDone: messages => Promise.race([database.untilLines(messages), collector.failed()]),
      cpuMicros: () => cpuMicros(collector.pid),
      peakMegabytes: async () => (await residentMegabytes(collector.pid)).peak,
      [Symbol.asyncDispose]: () => kept.disposeAsync(),
    };
  };
}

async function databaseWithDay(bench: Bench): Promise<BenchDatabase> {
  const database = await BenchDatabase.create(bench);
  await migrate(database.url);
  await database.client.query(
    `INSERT INTO silver.sensor_reading (time, sensor_id, value, quality)
     SELECT timestamptz '${DAY} 00:00Z' + make_interval(secs => second), 'Sensor ' || sensor, (second + sensor) % 4500 / 100.0, 'valid'
     FROM generate_series(0, 86399) second CROSS JOIN generate_series(1, ${SENSORS}) sensor`,
  );
  await database.client.query('VACUUM ANALYZE silver.sensor_reading');
  return database;
}
