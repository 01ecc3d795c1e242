import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';

/** A request that is answered with an error; the message is for the client. */
export class Problem extends Error {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  /** Further fields of the answer. */
  readonly details: object;

  constructor(
    statusCode: number,
    message: string,
    { headers = {}, details = {} }: { headers?: Record<string, string>; details?: object } = {},
  ) {
    super(message);
    this.name = 'Problem';
    this.statusCode = statusCode;
    this.headers = headers;
    this.details = details;
  }
}

/** 503: it would work later. @param seconds when to try again. */
export function unavailable(message: string, seconds: number): Problem {
  return new Problem(503, message, { headers: { 'retry-after': String(seconds) } });
}

/** The body of every error: what the API's description calls `Error`. */
export function problemBody(statusCode: number, message: string, details: object = {}) {
  return { statusCode, error: STATUS_CODES[statusCode] ?? 'Error', message, ...details };
}

/** Answers a request that failed. Only what nobody foresaw is logged, and the client is not told its text. */
export function answerError(log: Logger) {
  return (error: FastifyError | Problem, request: FastifyRequest, reply: FastifyReply) => {
    if (error instanceof Problem) {
      return reply
        .code(error.statusCode)
        .headers(error.headers)
        .send(problemBody(error.statusCode, error.message, error.details));
    }
    const { validation } = error;
    if (validation !== undefined) {
      return reply.code(400).send(problemBody(400, validationText(error.validationContext, validation)));
    }
    const code = clientGone(error) ? 400 : (error.statusCode ?? 500);
    if (code < 500) return reply.code(code).send(problemBody(code, error.message));
    log.error({ err: error, id: request.id, method: request.method, url: request.url }, 'a request failed');
    return reply
      .code(500)
      .send(
        problemBody(500, `Something went wrong here; the log has it under the request id ${request.id}.`),
      );
  };
}

/** The request's body ended in the middle: nobody reads the answer. */
function clientGone({ code }: { code?: string }): boolean {
  return code === 'ECONNRESET' || code === 'ECONNABORTED' || code === 'ERR_STREAM_PREMATURE_CLOSE';
}

function validationText(
  context = 'request',
  issues: readonly { instancePath: string; message?: string }[],
): string {
  const where = context === 'querystring' ? 'query' : context;
  return issues
    .map(({ instancePath, message }) => `${where} ${instancePath.slice(1) || '(all of it)'}: ${message}`)
    .join('; ');
}
