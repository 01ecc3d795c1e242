/** What `sluice check` says of one thing. */
export interface Finding {
  /** What was looked at: `broker`, `database`, … */
  of: string;
  /** `advice`: it works, and could lose or hide something. `failed`: it does not work. */
  result: 'ok' | 'advice' | 'failed';
  /** What was found. */
  what: string;
  /** What to do, where something is to be done. */
  todo?: string;
}

/** Findings about one thing. */
export class Findings {
  readonly #of: string;
  readonly all: Finding[] = [];

  constructor(of: string) {
    this.#of = of;
  }

  ok(what: string): void {
    this.all.push({ of: this.#of, result: 'ok', what });
  }

  advise(what: string, todo: string): void {
    this.all.push({ of: this.#of, result: 'advice', what, todo });
  }

  /** @param todo nothing where `what` says it. */
  fail(what: string, todo?: string): void {
    this.all.push({ of: this.#of, result: 'failed', what, ...(todo === undefined ? {} : { todo }) });
  }
}
