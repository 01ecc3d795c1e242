import { access, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RawFileName } from './raw-file-name.ts';
import type { ListedFile } from './raw-folder.ts';

/**
 * The names of raw files in a folder whose file system may ignore case (macOS's does): there `Sensor_1` and `SENSOR_1` are one
 * file. Who comes first has the plain name; the other one gets a name of its own, by its hash. Where case counts, as on
 * most file systems, this costs nothing.
 */
export class FileNames {
  /** The keys that are taken, by what the file system makes of them; undefined where it makes nothing of them. */
  #taken: Map<string, string> | undefined;

  /** Looks whether the file system of a folder ignores case. */
  async probe(folder: string): Promise<void> {
    const probe = join(folder, '.case-probe');
    await writeFile(probe, '');
    const ignored = await access(join(folder, '.CASE-PROBE')).then(
      () => true,
      () => false,
    );
    await unlink(probe);
    this.#taken = ignored ? new Map() : undefined;
  }

  /** Takes in the files that are there, in place of those that it knew. */
  learn(files: Iterable<ListedFile>): void {
    if (this.#taken === undefined) return;
    this.#taken.clear();
    for (const { name } of files) this.#taken.set(name.key.toLowerCase(), name.key);
  }

  /** The name that lines go to. @param text the sensor id or topic of `name`. */
  resolve(name: RawFileName, text: string): RawFileName {
    if (this.#taken === undefined) return name;
    const folded = name.key.toLowerCase();
    const taken = this.#taken.get(folded) ?? name.key;
    this.#taken.set(folded, taken);
    return taken === name.key ? name : name.apart(text);
  }
}
