import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const DEADLINE_MS = 120_000;
const LOOK_EVERY_MS = 200;

/** Waits until a fact is there. @throws {Error} naming it, when it is not there after two minutes. */
export async function until(fact: string, isThere: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await isThere())) {
    if (Date.now() > deadline) throw new Error(`waited ${DEADLINE_MS / 1000} s in vain for: ${fact}`);
    await sleep(LOOK_EVERY_MS);
  }
}

/** A program that runs as if from a terminal of its own: in a process group that Ctrl-C would reach as a whole. */
export class Program implements AsyncDisposable {
  output = '';
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown[]>;
  /** Its data folder: by it the processes of its PostgreSQL are known, which have a session of their own. */
  readonly #dataDir: string;

  private constructor(child: ChildProcess, dataDir: string) {
    this.#child = child;
    this.#dataDir = dataDir;
    this.#exit = once(child, 'exit');
    const keep = (chunk: Buffer) => {
      this.output += chunk.toString();
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
  }

  static run([command, ...args]: [string, ...string[]], env: NodeJS.ProcessEnv): Program {
    const child = spawn(command, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    return new Program(child, env.DATA_DIR!);
  }

  /** @throws {AssertionError} with its output, where it has ended. */
  assertRuns(): void {
    const { exitCode, signalCode } = this.#child;
    assert(exitCode === null && signalCode === null, `it ended (${exitCode ?? signalCode}):\n${this.output}`);
  }

  /** Its exit status when it ends; the signal's name where a signal ended it. */
  async exitStatus(): Promise<unknown> {
    const deadline = new AbortController();
    const tooLate = sleep(DEADLINE_MS, undefined, { signal: deadline.signal }).then(() => {
      throw new Error(`it has not ended after ${DEADLINE_MS / 1000} s:\n${this.output}`);
    });
    try {
      const [code, signal] = (await Promise.race([this.#exit, tooLate])) as [number | null, string | null];
      return code ?? signal;
    } finally {
      deadline.abort();
      tooLate.catch(() => {});
    }
  }

  /** SIGINT: to all of the group, as the terminal does at Ctrl-C, or to the first process alone. */
  interrupt(how: 'Ctrl-C' | 'kill'): void {
    process.kill(how === 'Ctrl-C' ? -this.#child.pid! : this.#child.pid!, 'SIGINT');
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
  async [Symbol.asyncDispose](): Promise<void> {
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
        const ours = Number(group) === this.#child.pid || command.includes(this.#dataDir);
        if (ours && state !== 'Z') found.push(`${pid} ${command}`);
      } catch {
        // It has ended while we were looking.
      }
    }
    return found;
  }
}
