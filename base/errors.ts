/** A command was called with what it cannot use, or a setting or a file of the user is wrong: the message says what it takes. `sluice` ends with 2 for it. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** A port cannot be listened on. */
export class PortTakenError extends Error {
  /**
   * Turns an error of `listen` into one that says what to do; other errors are returned as they are.
   * @param what the server, as its user calls it.
   * @param setting the setting that changes the port.
   */
  static from(error: unknown, what: string, host: string, port: number, setting: string): unknown {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE' && code !== 'EACCES') return error;
    const why = code === 'EADDRINUSE' ? 'is taken' : 'is not allowed to this user';
    return new PortTakenError(`${what}: port ${port} on ${host} ${why}. Set ${setting} to a free one.`, {
      cause: error,
    });
  }
}

/** Words of libraries that leave it to the cause to say what happened. */
const EMPTY = new Set(['', 'Error', 'fetch failed', 'connection refused']);

/** What an error says. Those of a host with several addresses say nothing themselves, but the attempts in them do. */
export function errorText(error: unknown): string {
  if (error instanceof AggregateError && EMPTY.has(error.message)) {
    return [...new Set(error.errors.map(errorText))].join('; ');
  }
  const { message, code, cause } = error as NodeJS.ErrnoException;
  if (cause !== undefined && EMPTY.has(message)) return errorText(cause);
  return message || String(code ?? error);
}
