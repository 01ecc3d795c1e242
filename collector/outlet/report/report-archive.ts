import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../../../base/config.ts';
import { errorText } from '../../../base/errors.ts';
import type { ObjectStoreError } from '../../../base/objects/error.ts';
import { ObjectStore } from '../../../base/objects/object-store.ts';
import { everyMinute, type Schedule } from '../../../base/schedule.ts';

/** Of each minute; ten seconds after reports are mailed. */
const SECOND = 55;
/** After a failure it waits for so many looks. */
const WAIT_LOOKS = 10;
/** Below this the archive has them. */
export const REPORTS = 'reports/';
/** Reports are named by their day; drafts are not done. */
const REPORT = /^\d{4}-\d\d-\d\d.*\.(?:html|pdf)$/;

/**
 * Copies the reports of REPORT_DIR into the archive, where there is one, as `reports/<name>`. A report that the archive has is
 * left as it is. While the object storage is away they wait.
 */
export class ReportArchive {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  /** What the archive has; undefined: it was not asked yet. */
  #archived: Set<string> | undefined;
  #schedule: Schedule | undefined;
  #copying: Promise<void> | undefined;
  #skip = 0;
  #told = '';

  constructor(config: Config, log: Logger) {
    this.#config = config;
    this.#log = log;
  }

  start(): void {
    const { REPORT_DIR: folder, ARCHIVE_URL: url } = this.#config;
    if (folder === undefined || url === undefined) return;
    this.#schedule = everyMinute(SECOND, () => this.copy());
  }

  /** Copies what is not there; joins a copy that is under way. Never rejects: what went wrong is logged and tried again. */
  copy(): Promise<void> {
    this.#copying ??= this.#copy().finally(() => {
      this.#copying = undefined;
    });
    return this.#copying;
  }

  async stop(): Promise<void> {
    this.#schedule?.stop();
    this.#stopping.abort(new Error('the collector stops'));
    await this.#copying;
  }

  async #copy(): Promise<void> {
    if (this.#skip > 0) {
      this.#skip--;
      return;
    }
    const { REPORT_DIR: folder, ARCHIVE_URL: url } = this.#config;
    try {
      const files = (await readdir(folder!).catch(() => [])).filter(name => REPORT.test(name));
      const missing = files.filter(name => !this.#archived?.has(name));
      if (missing.length === 0) return;
      using store = await ObjectStore.open(this.#config, url!, this.#stopping.signal);
      this.#archived ??= await namesIn(store);
      for (const name of missing) {
        if (this.#archived.has(name)) continue;
        await write(store, `${REPORTS}${name}`, await readFile(join(folder!, name)));
        this.#archived.add(name);
      }
      this.#told = '';
    } catch (error) {
      this.#failed(errorText(error));
    }
  }

  /** The same reason each time would drown the log. */
  #failed(reason: string): void {
    if (this.#stopping.signal.aborted) return;
    this.#skip = WAIT_LOOKS;
    this.#log[reason === this.#told ? 'debug' : 'warn'](
      { reason },
      'reports cannot be copied to the archive; it is tried again',
    );
    this.#told = reason;
  }
}

async function namesIn(store: ObjectStore): Promise<Set<string>> {
  const names = new Set<string>();
  for await (const { key } of store.list(REPORTS)) names.add(key.slice(REPORTS.length));
  return names;
}

/** Unless it is there: another collector on the same database makes the same reports. */
async function write(store: ObjectStore, key: string, bytes: Buffer): Promise<void> {
  try {
    await store.writeBytes(key, bytes, { ifNoneMatch: '*' });
  } catch (error) {
    if ((error as ObjectStoreError).status !== 412) throw error;
  }
}
