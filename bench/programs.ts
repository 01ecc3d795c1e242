import { join } from 'node:path';
import { Program } from '../test/harness/program.ts';

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
    const program = await Program.start(name, file, args, {
      env: { PATH: process.env.PATH ?? '', LC_ALL: 'C', ...env },
      cwd: cwd ?? this.#folder,
      log: join(this.#folder, `${++this.#count}-${name.replaceAll(/\W+/g, '-')}.log`),
    });
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
