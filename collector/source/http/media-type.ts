import type { FastifyRequest } from 'fastify';
import { Problem } from '../../../base/http/problem.ts';

/** The media type of a request's body, without its parameters. */
export function mediaTypeOf({ headers }: FastifyRequest): string {
  return (headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
}

/** @throws {Problem} 415 where the body is none of these types. @param expected what the sender is told. */
export function demandMediaType(request: FastifyRequest, types: readonly string[], expected: string): void {
  const type = mediaTypeOf(request);
  if (!types.includes(type))
    throw new Problem(415, `The body must be ${expected}, not ${JSON.stringify(type)}.`);
}
