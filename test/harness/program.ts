import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

/** How long a SIGTERM may take until the process is gone: a collector loads for 10 s what is pending. */
const STOP_MS = 90_000;

export interface ProgramOptions {
  /** All of its environment. */
  env: NodeJS.ProcessEnv;
  cwd?: string;
  /** A file for its standard error. Without one `output` has all that it says. */
  log?: string;
}

/**
 * A program that runs as a process of its own, in a process group of its own: Ctrl-C is for whoever started it, which ends
 * everything in its order. What is left of it at the end of the scope is killed.
 */
export class Program implements AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  /** Resolves when it has ended, to its exit status, or to the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Standard output and error; empty where the program has a log. */
  output = '';
  readonly #child: ChildProcess;
  readonly #log: string | undefined;
  #lines: AsyncIterator<string> | undefined;

  protected constructor(name: string, child: ChildProcess, log: string | undefined) {
    this.name = name;
    this.pid = child.pid!;
    this.#child = child;
    this.#log = log;
    this.ended = new Promise(resolve => child.once('close', (code, signal) => resolve(code ?? signal!)));
    // One that has ended no longer listens.
    child.stdin!.on('error', () => undefined);
    if (log !== undefined) return;
    for (const stream of [child.stdout!, child.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
  }

  /** @throws where it cannot be started. */
  static async start(
    name: string,
    file: string,
    args: readonly string[],
    options: ProgramOptions,
  ): Promise<Program> {
    return new Program(name, await spawnGroup(file, args, options), options.log);
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The next line of its standard output. @throws where it ends without one. */
  async nextLine(): Promise<string> {
    this.#lines ??= createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
  }

  /** That it ended when it should not have, with the last lines of what it said. */
  async failure(): Promise<Error> {
    const status = await this.ended;
    const said = this.#log === undefined ? this.output : await readFile(this.#log, 'utf8').catch(() => '');
    return new Error(
      [`${this.name} ended with ${status}`, ...said.trimEnd().split('\n').slice(-8)].join('\n  '),
    );
  }
}

/**
 * Becomes a program, with a guard in its group that kills the group when descriptor 3 is at its end: when whoever started it is
 * gone, however it went.
 */
const GUARDED = '(exec <&3 3<&- >/dev/null 2>&1; cat; kill -KILL -$$) & exec 3<&-; exec "$@"';

/**
 * Starts a process as the leader of a group, with pipes, and its standard error in `log` where one is named. The group does not
 * outlive the process that has called this.
 */
export async function spawnGroup(
  file: string,
  args: readonly string[],
  { env, cwd, log }: ProgramOptions,
): Promise<ChildProcess> {
  const descriptor = log === undefined ? undefined : openSync(log, 'w');
  const child = spawn('sh', ['-c', GUARDED, 'sh', file, ...args], {
    env,
    cwd,
    stdio: ['pipe', 'pipe', descriptor ?? 'pipe', 'pipe'],
    detached: true,
  });
  if (descriptor !== undefined) closeSync(descriptor);
  await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  child.once('exit', () => child.stdio[3]!.destroy());
  return child;
}
