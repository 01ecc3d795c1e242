/** A command was called with what it cannot use; the message says what it takes. `sluice` ends with 2 for it. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
