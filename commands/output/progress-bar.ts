const WIDTH = 30;
const EVERY_MS = 100;

/** A bar on standard error, where that is a terminal; elsewhere nothing. */
export class ProgressBar {
  readonly #total: number;
  readonly #began = performance.now();
  #drawnAt = Number.NEGATIVE_INFINITY;
  readonly #visible = process.stderr.isTTY;

  /** @param total what is 100 %, in bytes. */
  constructor(total: number) {
    this.#total = Math.max(1, total);
  }

  /** @param done bytes done. @param label what is being worked on. */
  show(done: number, label: string): void {
    const now = performance.now();
    if (!this.#visible || now - this.#drawnAt < EVERY_MS) return;
    this.#drawnAt = now;
    const part = Math.min(1, done / this.#total);
    const filled = Math.round(part * WIDTH);
    const left = part > 0.01 ? `${Math.ceil(((now - this.#began) / 1000) * (1 / part - 1))} s left` : '';
    const line = `[${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}] ${Math.floor(part * 100)} % ${left} ${label}`;
    process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.#visible) process.stderr.write('\r\x1b[K');
  }
}
