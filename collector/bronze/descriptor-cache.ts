import { join } from 'node:path';
import { AppendFile } from './append-file.ts';
import { restorePlain } from './compressed-file.ts';

export interface DescriptorOptions {
  limit: number;
  /** Called with how many bytes of a torn line were cut from a file. */
  onCut: (file: string, bytes: number) => void;
  /** Called with why the compressed form of a file cannot be made plain again. */
  onDamage: (file: string, error: Error) => void;
  /** Somebody else may write to the files: see `AppendFile`. */
  isContested: boolean;
}

/**
 * Open files, at most `limit` of them: the one unused for longest is closed for the next. A process may have few
 * descriptors and many sensors.
 */
export class DescriptorCache {
  readonly #root: string;
  readonly #options: DescriptorOptions;
  /** Idle files, in the order of their last use. */
  readonly #idle = new Map<string, AppendFile>();
  #inUse = 0;
  /** Files that hold bytes which are not to be trusted, and up to where they are whole. */
  readonly #distrusted = new Map<string, number>();

  constructor(root: string, options: DescriptorOptions) {
    this.#root = root;
    this.#options = options;
  }

  /** Opens a file, or takes it from the cache. It is the caller's until it is given back. */
  async take(file: string): Promise<AppendFile> {
    const idle = this.#idle.get(file);
    this.#inUse++;
    try {
      if (idle !== undefined) {
        this.#idle.delete(file);
        if (!idle.isToBeLookedAt || !(await idle.isDeleted())) return idle;
        await idle.close();
      }
      await this.#makeRoom();
      const path = join(this.#root, file);
      const { onCut, onDamage, isContested } = this.#options;
      const opened = await AppendFile.open(path, {
        trusted: this.#distrusted.get(file),
        onCut: bytes => onCut(file, bytes),
        bringBack: () => restorePlain(path, error => onDamage(file, error)),
        isContested,
      });
      this.#distrusted.delete(file);
      return opened;
    } catch (error) {
      this.#inUse--;
      throw error;
    }
  }

  giveBack(file: string, opened: AppendFile): void {
    this.#inUse--;
    this.#idle.set(file, opened);
  }

  /**
   * Takes a file back to its first `trusted` bytes and closes it. Where that fails, it is done before anything is
   * appended to it again.
   * @param opened the file, if it is the caller's.
   */
  async rollBack(file: string, opened: AppendFile | undefined, trusted: number): Promise<void> {
    this.#distrusted.set(file, trusted);
    const target = opened ?? (await this.take(file).catch(() => undefined));
    if (target === undefined) return;
    this.#inUse--;
    const cut = await target.cut(trusted).then(
      () => true,
      () => false,
    );
    if (cut) this.#distrusted.delete(file);
    // After a failed fsync the descriptor is worthless: the next fsync would claim success for pages that are gone.
    await target.close().catch(() => undefined);
  }

  /** Closes a file that nobody has taken. */
  async drop(file: string): Promise<void> {
    const idle = this.#idle.get(file);
    this.#idle.delete(file);
    await idle?.close();
  }

  /** Up to where a file is whole, if that is less than what the file system says. */
  trusted(file: string): number | undefined {
    return this.#distrusted.get(file);
  }

  /** Whether every file is known to be whole. */
  get allTrusted(): boolean {
    return this.#distrusted.size === 0;
  }

  async closeAll(): Promise<void> {
    const files = [...this.#idle.values()];
    this.#idle.clear();
    await Promise.all(files.map(file => file.close()));
  }

  async #makeRoom(): Promise<void> {
    while (this.#idle.size > 0 && this.#idle.size + this.#inUse > this.#options.limit) {
      const [oldest, file] = this.#idle.entries().next().value!;
      this.#idle.delete(oldest);
      await file.close();
    }
  }
}
