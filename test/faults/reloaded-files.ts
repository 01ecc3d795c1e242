import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Messages without a time of their own: each stores its number. */
const ENVELOPES = `  - { filter: "plain/{device}", format: json, sensor: "plain/{device}/{path}", values: [n] }\n`;

/** Topics file and registry of a run, as they are changed for reloads. What the run publishes means the same in each form of them. */
export class ReloadedFiles {
  readonly topics: string;
  readonly registry: string;
  readonly #sensors: string;
  #turn = 0;

  private constructor(folder: string, sensors: string) {
    this.topics = join(folder, 'topics.yaml');
    this.registry = join(folder, 'sensors.csv');
    this.#sensors = sensors;
  }

  /** @param sensors the registry of the run, CSV. */
  static async write(folder: string, sensors: string): Promise<ReloadedFiles> {
    const files = new ReloadedFiles(folder, sensors);
    await files.change();
    return files;
  }

  /** Another topic that nobody publishes to, and another sensor that nobody has. */
  async change(): Promise<void> {
    this.#turn++;
    const other = `  - { filter: other/${this.#turn}, format: number }\n`;
    await writeFile(this.topics, `topics:\n  - filter: sensors/#\n${ENVELOPES}${other}`);
    await writeFile(this.registry, `${this.#sensors}Other ${this.#turn},temperature,°C,Hall,0,1\n`);
  }

  /** A change with a mistake in each file. */
  async spoil(): Promise<void> {
    await writeFile(this.topics, 'topics:\n  - filter: sensors/#/x\n');
    await writeFile(this.registry, `${this.#sensors}Other,temperature,°C,Hall,1,0\n`);
  }
}

/** How often a collector has reloaded, or has refused to. */
export async function reloadsIn(logFile: string): Promise<number> {
  const log = await readFile(logFile, 'utf8');
  return log.match(/"msg":"(?:reloaded|nothing was reloaded)/g)?.length ?? 0;
}
