import { Writable } from 'node:stream';
import { type Logger, pino } from 'pino';
import { expect, test } from 'vitest';
import { readConfig } from '../../base/config.ts';
import { faultKinds } from '../../generator/faults.ts';
import { Generator } from '../../generator/generator.ts';
import { eventually } from '../harness/eventually.ts';
import { TestBroker } from './broker.ts';

const silent = pino({ level: 'silent' });

interface Choice {
  log?: Logger;
  faults?: boolean;
  settings?: Record<string, string>;
}

/** A fast generator, stopped at the end of the scope. */
function generatorFor(url: string, { log = silent, faults, settings }: Choice = {}) {
  const config = readConfig({ MQTT_URL: url, GENERATOR_INTERVAL_MS: '10', ...settings });
  const generator = new Generator({ config, log, ...(faults === undefined ? {} : { faults }) });
  return Object.assign(generator, { [Symbol.asyncDispose]: () => generator.stop() });
}

/** A log that remembers its messages. */
function rememberingLog() {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()).msg);
      done();
    },
  });
  return { log: pino(stream), lines };
}

function timesOf(broker: TestBroker, topic: string): number[] {
  const own = broker.received.filter(message => message.topic === topic);
  return own.map(({ payload }) => Date.parse(JSON.parse(payload.toString()).dt));
}

test('readings arrive with QoS 1 on the topics of five sensors, each tick once', async () => {
  await using broker = await TestBroker.start();
  await using generator = generatorFor(broker.url);
  await generator.start();
  await eventually(() => expect(broker.received.length).toBeGreaterThan(200));
  await generator.stop();

  expect(new Set(broker.received.map(({ qos }) => qos))).toEqual(new Set([1]));
  const topics = [1, 2, 3, 4, 5].map(sensor => `sensors/${sensor}`);
  expect(new Set(broker.received.map(({ topic }) => topic))).toEqual(new Set(topics));
  const times = timesOf(broker, 'sensors/1');
  for (const topic of topics) expect(timesOf(broker, topic)).toEqual(times);
  for (const time of times) expect((time - times[0]!) % 10).toBe(0);
  expect(new Set(times).size).toBe(times.length);
  const ticks = (times.at(-1)! - times[0]!) / 10 + 1;
  expect(times.length + generator.counts.skippedTicks).toBeGreaterThanOrEqual(ticks);
});

test('stop waits until the broker has acknowledged what was sent', async () => {
  await using broker = await TestBroker.start();
  await using generator = generatorFor(broker.url);
  await generator.start();
  await eventually(() => expect(broker.received.length).toBeGreaterThan(20));
  broker.hold();
  const before = generator.counts.sent;
  await eventually(() => expect(generator.counts.sent).toBeGreaterThan(before + 100));
  const stopped = generator.stop();
  expect(generator.stop()).toBe(stopped);
  expect(generator.counts.acknowledged).toBeLessThan(generator.counts.sent);
  broker.release();
  await stopped;
  const { sent, acknowledged } = generator.counts;
  expect(acknowledged).toBe(sent);
  expect(broker.received).toHaveLength(sent);
});

test('stop gives up on a broker that acknowledges nothing, and says what is lost', async () => {
  await using broker = await TestBroker.start();
  broker.hold();
  const { log, lines } = rememberingLog();
  await using generator = generatorFor(broker.url, { log });
  await generator.start();
  await eventually(() => expect(broker.arrived).toBeGreaterThan(0));
  await generator.stop();
  expect(generator.counts.acknowledged).toBe(0);
  expect(lines.at(-1)).toBe('the broker has not acknowledged these generated messages');
});

test('a generator that was never started stops', async () => {
  await generatorFor('mqtt://127.0.0.1:1').stop();
});

test('starts without a broker, says so once, and delivers everything when one appears', async () => {
  const { port, url } = await vacantAddress();
  const { log, lines } = rememberingLog();
  await using generator = generatorFor(url, { log });
  await generator.start();
  const away = 'the generator has no connection to the broker; trying again';
  await eventually(() => expect(lines).toContain(away));
  await eventually(() => expect(generator.counts.sent).toBeGreaterThan(300));
  expect(generator.counts.acknowledged).toBe(0);

  await using broker = await TestBroker.start({ port });
  await eventually(() => expect(generator.counts.acknowledged).toBeGreaterThan(300));
  await generator.stop();
  expect(broker.received).toHaveLength(generator.counts.sent);
  const times = timesOf(broker, 'sensors/1');
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(lines.filter(line => line === away)).toHaveLength(1);
});

test('what was not acknowledged when the connection broke is sent again, in order', async () => {
  await using broker = await TestBroker.start();
  await using generator = generatorFor(broker.url, { settings: { GENERATOR_SENSORS: '50' } });
  await generator.start();
  await eventually(() => expect(broker.received.length).toBeGreaterThan(100));
  broker.hold();
  // More than may be in flight at one time, so that some wait behind what is sent again.
  const unacknowledged = () => generator.counts.sent - generator.counts.acknowledged;
  await eventually(() => expect(unacknowledged()).toBeGreaterThan(2000));
  const { sent: sentBefore } = generator.counts;
  expect(broker.received.length).toBeLessThan(sentBefore - 1900);
  broker.cut();
  await eventually(() => expect(generator.counts.acknowledged).toBeGreaterThan(sentBefore));
  await generator.stop();

  const { sent, acknowledged } = generator.counts;
  expect(acknowledged).toBe(sent);
  const distinct = new Set(broker.received.map(({ topic, payload }) => `${topic} ${payload}`));
  expect(distinct.size).toBe(sent);
  const times = [...new Set(timesOf(broker, 'sensors/1'))];
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

test('its memory is bounded: without a broker readings are skipped, counted and spoken of once', async () => {
  const { port, url } = await vacantAddress();
  const { log, lines } = rememberingLog();
  const settings = { GENERATOR_SENSORS: '4000' };
  await using generator = generatorFor(url, { log, settings });
  await generator.start();
  await eventually(() => expect(generator.counts.skippedTicks).toBeGreaterThan(20));
  // Three ticks pass the limit of 10,000 messages.
  expect(generator.counts.sent).toBe(12_000);
  const full = 'the broker takes no more: readings are left out until it has acknowledged what waits';
  expect(lines.filter(line => line === full)).toHaveLength(1);

  await using broker = await TestBroker.start({ port });
  await eventually(() => expect(generator.counts.acknowledged).toBeGreaterThanOrEqual(12_000));
  await generator.stop();
  expect(broker.received).toHaveLength(generator.counts.sent);
});

test('it gives the credentials, and an id that is not the collector’s', async () => {
  const credentials = { username: 'field', password: 'pässword' };
  await using broker = await TestBroker.start({ credentials });
  const settings = { MQTT_CLIENT_ID: 'site-7' };
  const { log, lines } = rememberingLog();
  await using stranger = generatorFor(broker.url, { settings, log });
  await stranger.start();
  await eventually(() =>
    expect(lines).toContain('the generator has no connection to the broker; trying again'),
  );
  const known = { ...settings, MQTT_USERNAME: credentials.username, MQTT_PASSWORD: credentials.password };
  await using one = generatorFor(broker.url, { settings: known });
  await using two = generatorFor(broker.url, { settings: known });
  await Promise.all([one.start(), two.start()]);
  await eventually(() => expect(one.counts.acknowledged).toBeGreaterThan(0));
  await eventually(() => expect(two.counts.acknowledged).toBeGreaterThan(0));
  const clients = new Set(broker.received.map(({ client }) => client));
  expect(clients.size).toBe(2);
  for (const client of clients) expect(client).toMatch(/^site-7-generator-[0-9a-f]{8}$/);
  expect(stranger.counts.acknowledged).toBe(0);
});

test('faults are sent when the settings or the caller want them, and are counted', async () => {
  await using broker = await TestBroker.start();
  const settings = { GENERATOR_FAULTS: 'on', GENERATOR_SENSORS: '100' };
  await using faulty = generatorFor(broker.url, { settings });
  await using faultless = generatorFor(broker.url, { settings, faults: false });
  await Promise.all([faulty.start(), faultless.start()]);
  await eventually(() => {
    for (const kind of faultKinds) expect(faulty.counts.faults[kind]).toBeGreaterThan(0);
  });
  await eventually(() => expect(faultless.counts.sent).toBeGreaterThan(2000));
  await Promise.all([faulty.stop(), faultless.stop()]);
  expect(Object.values(faultless.counts.faults)).toEqual([0, 0, 0, 0, 0]);
});

/** The address of a broker that is not there yet. */
async function vacantAddress(): Promise<{ port: number; url: string }> {
  await using broker = await TestBroker.start();
  return { port: Number(new URL(broker.url).port), url: broker.url };
}
