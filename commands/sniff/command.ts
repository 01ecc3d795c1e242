import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { UsageError } from '../../base/errors.ts';
import { isTopicFilter } from '../../base/setting-values.ts';
import { formatTime } from '../../base/time.ts';
import { configuredTopics } from '../../collector/payload/configured-topics.ts';
import type { Topics } from '../../collector/payload/topics.ts';
import { toEnd } from '../run.ts';
import { board } from './board.ts';
import { Sniffing } from './broker.ts';
import { judge, type Message, shown, told, type Verdict } from './message.ts';
import { SeenTopics } from './seen-topics.ts';
import { suggest } from './suggest.ts';

interface SniffArguments {
  /** Seconds. */
  for?: number;
  suggest?: string;
  explain?: string;
}

const REFRESH_MS = 1000;
const MOST_SHOWN = 200;

export default (command: Command) =>
  command
    .argument('[filter]', 'topic filter of MQTT', '#')
    .option('--for <duration>', 'how long, such as 30s, 5m or 1h; default: until Ctrl-C', seconds)
    .option('--suggest <file>', 'write a topics file that would take what was seen; - is standard output')
    .option(
      '--explain <topic>',
      'say what becomes of one message, whose payload is read from standard input; no broker is asked',
    )
    .action(toEnd(sniffCommand));

/**
 * `sluice sniff`: shows topics as they come and what the topics file makes of each; on a terminal a table that refreshes,
 * else a line of JSON a message.
 * @returns with --explain: whether the message is taken without a problem; else whether it has written what it was asked for.
 */
async function sniffCommand(
  config: Config,
  _log: Logger,
  filter: string,
  given: SniffArguments,
): Promise<boolean> {
  if (!isTopicFilter(filter))
    throw new UsageError(
      `${JSON.stringify(filter)} is not a topic filter: # stands last and alone in its level, + alone in its level.`,
    );
  const topics = configuredTopics(config);
  if (given.explain !== undefined) return explain(topics, given.explain);
  demandNew(given.suggest);
  const seen = new SeenTopics();
  const isTable = process.stdout.isTTY && given.suggest !== '-';
  const onMessage = (message: Message) => {
    const verdict = judge(topics, message);
    seen.add(message, verdict);
    if (!isTable && given.suggest !== '-') process.stdout.write(`${line(message, verdict)}\n`);
  };
  const sniffing = await Sniffing.start(config, filter, onMessage);
  const duration = given.for === undefined ? 'until Ctrl-C' : `for ${given.for} s`;
  process.stderr.write(`Listening on ${filter} at ${new URL(config.MQTT_URL).host}, ${duration}.\n`);
  const draw = () =>
    process.stdout.write(
      board(seen, Date.now() * 1000, process.stdout.columns ?? 80, process.stdout.rows ?? 24),
    );
  const drawing = isTable ? setInterval(draw, REFRESH_MS) : undefined;
  try {
    await ended(given.for);
  } finally {
    clearInterval(drawing);
    await sniffing.stop();
  }
  if (isTable) draw();
  if (seen.all.length === 0) {
    const unwritten = given.suggest === undefined ? '' : ' No topics file was written.';
    process.stderr.write(
      `Nothing came on ${filter} ${duration}.${unwritten} Listen for longer, or with another filter; the broker may also keep from this user what it may not read.\n`,
    );
    return given.suggest === undefined;
  }
  if (given.suggest !== undefined) {
    const text = suggest(seen.all, {
      zone: config.SENSOR_TIMEZONE,
      folder: given.suggest === '-' ? process.cwd() : dirname(resolve(given.suggest)),
    });
    if (given.suggest === '-') process.stdout.write(text);
    else await writeFile(given.suggest, text, { flag: 'wx' });
    if (given.suggest !== '-') process.stderr.write(`Wrote ${given.suggest}.\n`);
  }
  return true;
}

/** A topics file that somebody has written is not to be lost. */
function demandNew(file: string | undefined): void {
  if (file === undefined || file === '-' || !existsSync(file)) return;
  throw new UsageError(
    `${file} is there already, and --suggest would replace it: name another file, or move this one away.`,
  );
}

/** Decides about the message whose payload comes by standard input, and says why. */
async function explain(topics: Topics, topic: string): Promise<boolean> {
  const payload = await buffer(process.stdin);
  const message: Message = { topic, payload, qos: 0, retain: false, arrival: Date.now() * 1000 };
  const { entry, outcome, readings, reason } = judge(topics, message);
  const said = {
    topic,
    entry: entry ?? null,
    outcome,
    ...(reason !== undefined && { reason }),
    readings: readings.map(told),
  };
  process.stdout.write(`${JSON.stringify(said, null, 2)}\n`);
  return outcome !== 'rejected' && outcome !== 'no entry';
}

function line(
  { topic, payload, qos, retain, arrival }: Message,
  { entry, outcome, readings, reason }: Verdict,
): string {
  return JSON.stringify({
    received_at: formatTime(arrival),
    topic,
    qos,
    retain,
    bytes: payload.length,
    payload: shown(payload, MOST_SHOWN),
    entry: entry ?? null,
    outcome,
    ...(reason !== undefined && { reason }),
    readings: readings.map(told),
  });
}

/** Resolves after some seconds, or when somebody ends it. */
async function ended(after: number | undefined): Promise<void> {
  const stopped = new AbortController();
  const stop = () => stopped.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  // A reader that has enough: `| head`.
  process.stdout.once('error', stop);
  await sleep(after === undefined ? 2 ** 31 - 1 : after * 1000, undefined, { signal: stopped.signal }).catch(
    () => undefined,
  );
}

function seconds(text: string): number {
  const [, digits, unit] = /^(\d{1,6})([smh])$/.exec(text) ?? [];
  if (digits === undefined || Number(digits) === 0) {
    const hint = /^[1-9]\d{0,5}$/.test(text) ? `; did you mean ${text}s?` : '.';
    throw new InvalidArgumentError(`It must be a duration with its unit, such as 30s, 5m or 1h${hint}`);
  }
  return Number(digits) * { s: 1, m: 60, h: 3600 }[unit as 's' | 'm' | 'h'];
}
