import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const preload = new URL('./set-clock.ts', import.meta.url);

/** The clock of the collectors of a run, which can be set: see set-clock.ts. That of the publisher and the database stays right. */
export class MachineClock {
  /** What makes a collector go by it. */
  readonly env: NodeJS.ProcessEnv;
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
    this.env = { FAULTS_CLOCK: file, NODE_OPTIONS: `--import ${preload.href}` };
  }

  /** @param folder where its state stands. */
  static async make(folder: string): Promise<MachineClock> {
    const clock = new MachineClock(join(folder, 'clock'));
    await clock.set(0);
    return clock;
  }

  /** @param aheadMs of the true time; negative: behind it. */
  async set(aheadMs: number): Promise<void> {
    const written = `${this.#file}.new`;
    await writeFile(written, `${Math.round(aheadMs)}\n`);
    await rename(written, this.#file);
  }
}
