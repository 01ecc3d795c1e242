import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** How long a SIGTERM may take until the process is gone: a collector loads for 10 s what is pending. */
const STOP_MS = 60_000;

/** A program that runs as a process of its own. What it says on standard error goes to a log. */
export class Program {
  readonly name: string;
  readonly pid: number;
  /** Resolves when it has ended, with its exit status; null where a signal ended it. */
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #log: string;
  readonly #lines: AsyncIterator<string>;

  /** Use `Programs.start`. */
  constructor(name: string, child: ChildProcess, log: string) {
    this.name = name;
    this.pid = child.pid!;
    this.#child = child;
    this.#log = log;
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    this.ended = new Promise(resolve => child.once('close', resolve));
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The next line of its standard output. @throws where it ends without one. */
  async nextLine(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw await this.failure();
    return value;
  }

  /** Writes a line to its standard input. */
  tell(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** Waits for its end. @throws unless its exit status is 0. */
  async succeed(): Promise<void> {
    // Nobody reads on: its output must not fill the pipe.
    this.#child.stdout!.resume();
    if ((await this.ended) !== 0) throw await this.failure();
  }

  /** Rejects when it ends other than well: for a race with what it is to do. */
  async failed(): Promise<never> {
    if ((await this.ended) !== 0) throw await this.failure();
    return new Promise(() => undefined);
  }

  /** SIGTERM, and SIGKILL where it is deaf to that; resolves when it is gone. */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    this.#child.stdout!.resume();
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), STOP_MS);
    await this.ended;
    clearTimeout(timer);
  }

  /** Kills it, and what it has started in its group. */
  kill(): void {
    if (this.isRunning) process.kill(-this.pid, 'SIGKILL');
  }

  /** That it ended when it should not have, with the last lines of its log. */
  async failure(): Promise<Error> {
    const status = await this.ended;
    const log = (await readFile(this.#log, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-8);
    return new Error([`${this.name} ended with status ${status}`, ...log].join('\n  '));
  }
}

interface StartOptions {
  env?: Record<string, string>;
  cwd?: string;
}

/** All programs of a benchmark. Whatever still runs when it ends is killed. */
export class Programs implements Disposable {
  readonly #folder: string;
  readonly #running = new Set<Program>();
  #count = 0;
  #closed = false;

  /** @param folder where their logs go. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Starts a program. Its environment is `env` and the PATH: settings of the shell must not change what is measured.
   * @throws where it cannot be started.
   */
  async start(name: string, file: string, args: string[], { env, cwd }: StartOptions = {}): Promise<Program> {
    if (this.#closed) throw new Error('the benchmark is being stopped');
    const log = join(this.#folder, `${++this.#count}-${name.replaceAll(/\W+/g, '-')}.log`);
    const descriptor = openSync(log, 'w');
    const child = spawn(file, args, {
      env: { PATH: process.env.PATH ?? '', LC_ALL: 'C', ...env },
      cwd: cwd ?? this.#folder,
      stdio: ['pipe', 'pipe', descriptor],
      // A session of its own: Ctrl-C is for the benchmark, which ends everything in its order.
      detached: true,
    });
    closeSync(descriptor);
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    // One that has ended no longer listens.
    child.stdin!.on('error', () => undefined);
    const program = new Program(name, child, log);
    this.#running.add(program);
    void program.ended.then(() => this.#running.delete(program));
    return program;
  }

  /** Kills all of them; whoever waits for one of them gets an error. */
  [Symbol.dispose](): void {
    this.#closed = true;
    for (const program of this.#running) program.kill();
  }
}
