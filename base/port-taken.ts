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
