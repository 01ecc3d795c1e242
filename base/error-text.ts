/** What an error says. Those of a host with several addresses say nothing themselves, but the attempts in them do. */
export function errorText(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return [...new Set(error.errors.map(errorText))].join('; ');
  }
  const { message, code } = error as NodeJS.ErrnoException;
  return message || String(code ?? error);
}
