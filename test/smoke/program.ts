import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../harness/eventually.ts';
import { Program, spawnGroup } from '../harness/program.ts';

const DEADLINE_MS = 120_000;

/** A program that runs as if from a terminal of its own: in a process group that Ctrl-C would reach as a whole. */
export class TerminalProgram extends Program {
  /** Its data folder: by it the processes of its PostgreSQL are known, which have a session of their own. */
  readonly #dataDir: string;

  private constructor(name: string, child: ChildProcess, dataDir: string) {
    super(name, child, undefined);
    this.#dataDir = dataDir;
  }

  static async run(
    [command, ...args]: [string, ...string[]],
    env: NodeJS.ProcessEnv,
  ): Promise<TerminalProgram> {
    return new TerminalProgram(command, await spawnGroup(command, args, { env }), env.DATA_DIR!);
  }

  /** @throws {Error} with the end of its output, where it has ended. */
  async assertRuns(): Promise<void> {
    if (!this.isRunning) throw await this.failure();
  }

  /** Its exit status when it ends; the signal's name where a signal ended it. */
  async exitStatus(): Promise<number | NodeJS.Signals> {
    const deadline = new AbortController();
    const tooLate = sleep(DEADLINE_MS, undefined, { signal: deadline.signal }).then(() =>
      assert.fail(`it has not ended after ${DEADLINE_MS / 1000} s:\n${this.output}`),
    );
    try {
      return await Promise.race([this.ended, tooLate]);
    } finally {
      deadline.abort();
      tooLate.catch(() => {});
    }
  }

  /** SIGINT: to all of the group, as the terminal does at Ctrl-C, or to the first process alone. */
  interrupt(how: 'Ctrl-C' | 'kill'): void {
    process.kill(how === 'Ctrl-C' ? -this.pid : this.pid, 'SIGINT');
  }

  /** Waits until no process of the program and of its PostgreSQL is left. */
  async assertGone(): Promise<void> {
    let left: string[] = [];
    await until('the end of every process that it started', async () => {
      left = await this.#processes();
      return left.length === 0;
    }).catch(cause => {
      throw new Error(`left behind:\n  ${left.join('\n  ')}`, { cause });
    });
  }

  /** After a failed check: ends what is left, so that the next run finds its machine as it was. */
  override async [Symbol.asyncDispose](): Promise<void> {
    for (const line of await this.#processes()) {
      try {
        process.kill(Number(line.split(' ')[0]), 'SIGKILL');
      } catch {
        // It has just ended.
      }
    }
  }

  /** "pid command line" of each process in the group, or with the data folder in its command line. */
  async #processes(): Promise<string[]> {
    const found: string[] = [];
    for (const pid of (await readdir('/proc')).filter(name => /^\d+$/.test(name))) {
      try {
        const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim();
        // proc(5): behind the name, which may hold anything, come state, parent and process group.
        const [state, , group] = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ').at(-1)!.split(' ');
        const ours = Number(group) === this.pid || command.includes(this.#dataDir);
        if (ours && state !== 'Z') found.push(`${pid} ${command}`);
      } catch {
        // It has ended while we were looking.
      }
    }
    return found;
  }
}
