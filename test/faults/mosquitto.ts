import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../harness/eventually.ts';
import { answers } from '../harness/server.ts';

/** Mosquitto as it is on this machine; undefined where it is not installed. */
export const mosquittoProgram = ['mosquitto', '/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto'].find(
  path => spawnSync(path, ['-h']).error === undefined,
);

/**
 * A Mosquitto that keeps its sessions over a SIGTERM. It is never killed: it acknowledges to publishers what it has only
 * in memory, so what it would lose then is nobody's promise.
 */
export class Mosquitto implements AsyncDisposable {
  readonly port: number;
  readonly #conf: string;
  #child: ChildProcess | undefined;
  /** When it was started, ms since 1970. */
  readonly starts: number[] = [];

  private constructor(conf: string, port: number) {
    this.#conf = conf;
    this.port = port;
  }

  /** @param folder where it keeps its sessions and its log. */
  static async start(folder: string, port: number): Promise<Mosquitto> {
    const conf = join(folder, 'mosquitto.conf');
    const lines = [
      `listener ${port} 127.0.0.1`,
      'allow_anonymous true',
      'max_inflight_messages 2000',
      'max_queued_messages 5000000',
      'max_queued_bytes 0',
      'persistence true',
      `persistence_location ${folder}/`,
      `log_dest file ${join(folder, 'mosquitto.log')}`,
      'log_timestamp_format %Y-%m-%dT%H:%M:%S',
      // Root would become the user mosquitto, who may not write to a folder of ours.
      ...(process.getuid?.() === 0 ? ['user root'] : []),
    ];
    await writeFile(conf, `${lines.join('\n')}\n`);
    const mosquitto = new Mosquitto(conf, port);
    await mosquitto.start();
    return mosquitto;
  }

  async start(): Promise<void> {
    if (mosquittoProgram === undefined) throw new Error('mosquitto is not installed');
    this.starts.push(Date.now());
    // A session of its own: Ctrl-C is for the harness, which stops everything in its order.
    const child = spawn(mosquittoProgram, ['-c', this.#conf], { stdio: 'ignore', detached: true });
    this.#child = child;
    await until('Mosquitto listens', () => {
      if (child.exitCode !== null) throw new Error(`mosquitto ended with status ${child.exitCode}`);
      return answers(this.port);
    });
  }

  /** SIGTERM: it writes sessions and queues to the disk. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
