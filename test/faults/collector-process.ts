import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../sluice.js', import.meta.url));

/** How long a SIGTERM may take until the process is gone: it loads for 10 s what is pending, and the machine may be busy. */
const STOP_MS = 90_000;

/** After this wait a collector that ended by itself is started again, as an init system would; ms. */
const RESTART_MS = 500;

/**
 * In a process namespace of its own: there, as in another container, only its heartbeat tells whether the process that has the
 * folder lives.
 */
const APART = ['unshare', '--pid', '--fork', '--kill-child'];

/** Whether this user may start a collector apart. */
export const canStartApart = spawnSync(APART[0]!, [...APART.slice(1), 'true']).status === 0;

/** How a process ended. */
export interface Ending {
  status: number | null;
  signal: NodeJS.Signals | null;
}

/** `sluice collect` as a process, which can be killed and started again. What it says is appended to a file. */
export class CollectorProcess implements AsyncDisposable {
  readonly #env: NodeJS.ProcessEnv;
  readonly #logFile: string;
  readonly #onDied: (ending: Ending) => void;
  readonly #isApart: boolean;
  #child: ChildProcess | undefined;
  #ending: Promise<Ending> | undefined;
  /** Whether the end of the process that runs is our doing. */
  #expected = false;
  #restart: NodeJS.Timeout | undefined;
  starts = 0;

  /**
   * @param env the settings.
   * @param onDied called when it ended though nobody asked it to.
   * @param isApart in a process namespace of its own; it takes no signals then but that of `kill`.
   */
  constructor(
    env: NodeJS.ProcessEnv,
    logFile: string,
    onDied: (ending: Ending) => void,
    { isApart = false } = {},
  ) {
    this.#isApart = isApart;
    this.#env = env;
    this.#logFile = logFile;
    this.#onDied = onDied;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** @param descriptors how many files and sockets the process may have open. */
  start(descriptors?: number): void {
    clearTimeout(this.#restart);
    const log = openSync(this.#logFile, 'a');
    const limit = descriptors === undefined ? '' : `ulimit -n ${descriptors} && `;
    const command = [...(this.#isApart ? APART : []), process.execPath, program, 'collect'];
    const args = ['-c', `${limit}exec "$0" "$@"`, ...command];
    // A session of its own, so that Ctrl-C reaches the harness alone.
    const child = spawn('sh', args, {
      env: this.#env,
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    this.starts++;
    this.#child = child;
    this.#expected = false;
    this.#ending = once(child, 'exit').then(([status, signal]) => {
      if (!this.#expected) {
        this.#onDied({ status, signal });
        this.#restart = setTimeout(() => this.start(descriptors), RESTART_MS);
      }
      return { status, signal };
    });
  }

  async kill(): Promise<void> {
    this.#expected = true;
    clearTimeout(this.#restart);
    this.signal('SIGKILL');
    await this.#ending;
  }

  /**
   * SIGTERM, and waits for the end.
   * @throws where it does not end; it is killed then.
   */
  async stop(): Promise<Ending> {
    this.#expected = true;
    clearTimeout(this.#restart);
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), STOP_MS);
    const ending = await this.#ending!;
    clearTimeout(timer);
    if (ending.signal === 'SIGKILL')
      throw new Error(`the collector did not stop within ${STOP_MS / 1000} s of SIGTERM`);
    return ending;
  }

  /**
   * Waits for an end that is due, without asking for it. What has not ended in time is killed.
   * @returns how it ended; a SIGKILL tells that it did not.
   */
  async end(withinMs: number): Promise<Ending> {
    this.#expected = true;
    const timer = setTimeout(() => this.signal('SIGKILL'), withinMs);
    const ending = await this.#ending!;
    clearTimeout(timer);
    return ending;
  }

  signal(name: NodeJS.Signals): void {
    if (this.isRunning) this.#child!.kill(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal('SIGCONT');
    await this.kill();
  }
}

/** Runs `sluice verify` to its end. */
export async function runVerify(
  env: NodeJS.ProcessEnv,
  args: string[] = [],
): Promise<{ status: number | null; output: string }> {
  const child = spawn(process.execPath, [program, 'verify', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, output };
}
