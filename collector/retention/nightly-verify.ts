import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { errorText } from '../../base/errors.ts';

const PROGRAM = fileURLToPath(new URL('../../sluice.js', import.meta.url));
/** A file that is begun is read to its end; what takes so much longer hangs. */
const GRACE_MS = 30 * 60_000;

/** What the last verification found. */
export interface Verified {
  /** ms since 1970. */
  at: number;
  /** Files that were loaded since they were last looked at. */
  changed: number;
  /** Files whose turn it was again. */
  again: number;
  /** Changed files for which there was no time left. */
  waiting: number;
  differences: number;
}

/** What `sluice verify --changed --json` says, as far as it is wanted here. */
interface Said {
  changed: Pick<Verified, 'changed' | 'again' | 'waiting'>;
  differences: { count: number; first: { file?: string; line?: number; what: string }[] };
}

/**
 * Verifies what has changed since the night before, and as much of the rest as there is time for: `sluice verify --changed`, in a
 * process of its own and of the lowest priority, so that recording and loading notice nothing of it but its queries.
 */
export class NightlyVerify {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  /** What the last one found; undefined: none has ended since the start. */
  last: Verified | undefined;

  constructor(config: Config, log: Logger) {
    this.#config = config;
    this.#log = log;
  }

  /** Verifies now; joins a run that is under way. Never rejects: what went wrong is logged, and the next night tries again. */
  run(): Promise<void> {
    if (this.#config.NIGHTLY_VERIFY_MINUTES === 0) return Promise.resolve();
    this.#running ??= this.#run()
      .catch(error => {
        if (this.#stopping.signal.aborted) return;
        this.#log.warn(
          { reason: errorText(error) },
          'cannot verify what was loaded; the next night tries again',
        );
      })
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  /** Ends what is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the collector stops'));
    await this.#running;
  }

  /** A reason for Health; undefined while nothing was found. */
  get reason(): string | undefined {
    const { at, differences } = this.last ?? { at: 0, differences: 0 };
    if (differences === 0) return undefined;
    const when = new Date(at).toISOString().slice(0, 16);
    return `at ${when}Z ${differences} differences between raw files and database were found; \`npx sluice verify\` names them`;
  }

  async #run(): Promise<void> {
    const { changed, differences } = await this.#ask();
    this.last = { at: Date.now(), ...changed, differences: differences.count };
    if (differences.count === 0) this.#log.info(changed, 'verified what was loaded: nothing differs');
    else
      this.#log.error(
        { ...changed, differences: differences.count, first: differences.first.slice(0, 3) },
        'raw files and database differ; `npx sluice verify` names all of it',
      );
  }

  /** @throws what the command says when it did not get to its end. */
  async #ask(): Promise<Said> {
    const minutes = this.#config.NIGHTLY_VERIFY_MINUTES;
    const child = spawn(
      process.execPath,
      [PROGRAM, 'verify', '--changed', '--minutes', String(minutes), '--only-mine', '--json'],
      {
        env: environmentOf(this.#config),
        stdio: ['ignore', 'pipe', 'pipe'],
        signal: AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(minutes * 60_000 + GRACE_MS)]),
        killSignal: 'SIGKILL',
      },
    );
    const closed = once(child, 'close');
    // Where it was killed, the reason comes by the promise above.
    const said = Promise.all([text(child.stdout), text(child.stderr)]).catch(() => ['', ''] as const);
    if (child.pid !== undefined) lowerPriority(child.pid);
    const [code] = (await closed) as [number | null];
    const [stdout, stderr] = await said;
    if (code === 0 || (code === 1 && stdout.startsWith('{'))) return JSON.parse(stdout) as Said;
    throw new Error(stderr.trim().split('\n').at(-1) || `it ended with status ${code}`);
  }
}

/** The settings that this collector goes by, wherever they came from: `sluice up` has a database that no setting names. */
function environmentOf(config: Config): NodeJS.ProcessEnv {
  const { DATABASE_URL, DATA_DIR, SENSOR_TIMEZONE, LATE_MINUTES, RAW_RETENTION_DAYS, SILVER_RETENTION_DAYS } =
    config;
  const { DATABASE_URL_FILE: _, ...inherited } = process.env;
  return {
    ...inherited,
    DATABASE_URL,
    DATA_DIR,
    SENSOR_TIMEZONE: String(SENSOR_TIMEZONE),
    LATE_MINUTES: String(LATE_MINUTES),
    RAW_RETENTION_DAYS: String(RAW_RETENTION_DAYS),
    SILVER_RETENTION_DAYS: String(SILVER_RETENTION_DAYS),
    MQTT_TOPICS: config.MQTT_TOPICS.join(','),
    ...(config.TOPICS_FILE !== undefined && { TOPICS_FILE: config.TOPICS_FILE }),
  };
}

/** Whoever records and loads comes first. */
function lowerPriority(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It has ended, or a system that knows no priorities.
  }
}
