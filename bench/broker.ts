import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../test/harness/eventually.ts';
import type { Program } from '../test/harness/program.ts';
import { answers, freePort } from '../test/harness/server.ts';
import type { Bench } from './bench.ts';

/** Mosquitto as it is on this machine; undefined where it is not installed. Debian's is not on every user's PATH. */
export const mosquitto = ['mosquitto', '/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto'].find(
  path => spawnSync(path, ['-h']).error === undefined,
);

/** What docker compose gives Mosquitto. */
const shipped = fileURLToPath(new URL('../mosquitto/mosquitto.conf', import.meta.url));
/** Settings that decide how fast Mosquitto hands messages on. */
const DELIVERY = new Set([
  'max_inflight_messages',
  'max_packet_size',
  'set_tcp_nodelay',
  'max_inflight_bytes',
]);

/** The lines of the shipped configuration that decide how fast Mosquitto is: what is measured is what people run. */
export async function deliverySettings(): Promise<string[]> {
  const lines = (await readFile(shipped, 'utf8')).split('\n');
  return lines.filter(line => DELIVERY.has(line.split(' ', 1)[0]!));
}

/** Lines of which no later one names the same setting: Mosquitto refuses some that come twice. */
function withoutRepeats(lines: readonly string[]): string[] {
  return [...new Map(lines.map(line => [line.split(' ', 1)[0], line])).values()];
}

/** A Mosquitto for one measurement: nothing of the last one's queues and sessions is in it. */
export class Broker implements AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  readonly #program: Program;
  readonly #bench: Bench;
  readonly #log: string;

  private constructor(bench: Bench, program: Program, port: number, log: string) {
    this.#bench = bench;
    this.#program = program;
    this.pid = program.pid;
    this.port = port;
    this.#log = log;
  }

  /** @param settings lines of the configuration, after those that are shipped: the last one of a name counts. */
  static async start(bench: Bench, settings: readonly string[] = []): Promise<Broker> {
    const port = await freePort();
    const conf = join(bench.folder, `mosquitto-${port}.conf`);
    const log = join(bench.folder, `mosquitto-${port}.log`);
    const lines = [
      `listener ${port} 127.0.0.1`,
      'allow_anonymous true',
      'max_queued_messages 20000000',
      'max_queued_bytes 0',
      'persistence false',
      ...withoutRepeats([...(await deliverySettings()), ...settings]),
      `log_dest file ${log}`,
      'log_type error',
      'log_type subscribe',
      // Root would become the user mosquitto, who may not write to a folder of ours.
      ...(process.getuid?.() === 0 ? ['user root'] : []),
    ];
    await writeFile(conf, `${lines.join('\n')}\n`);
    const program = await bench.programs.start('mosquitto', mosquitto!, ['-c', conf]);
    const broker = new Broker(bench, program, port, log);
    await until(
      'Mosquitto listens',
      async () => {
        if (!program.isRunning) throw await program.failure();
        return answers(port);
      },
      { everyMs: 20, signal: bench.signal },
    );
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Resolves when somebody has subscribed to the topic filter. */
  async untilSubscribed(filter: string): Promise<void> {
    const subscribed = async () =>
      (await readFile(this.#log, 'utf8').catch(() => '')).includes(` ${filter}\n`);
    await until(`a subscription to ${filter}`, subscribed, {
      everyMs: 20,
      signal: this.#bench.signal,
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#program.stop();
  }
}
