import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** A reader that takes nothing for this long is given up: it holds a connection to the database. */
const STALL_MS = 30_000;

/**
 * Answers with text that is made while it is read, in constant memory. An error before the first chunk is answered as
 * such; after it the connection is cut, so that nobody takes a part for the whole.
 */
export async function sendStreamed(
  reply: FastifyReply,
  type: string,
  chunks: AsyncGenerator<string>,
): Promise<FastifyReply> {
  const first = await chunks.next();
  const stream: Readable = Readable.from(
    watched(first, chunks, () => stream.destroy()),
    { objectMode: false },
  );
  // Not in the generator: one that nobody has begun to read is ended without running any of it.
  stream.once('close', () => void chunks.return(undefined).catch(() => undefined));
  return reply.type(type).send(stream);
}

async function* watched(
  first: IteratorResult<string, unknown>,
  chunks: AsyncGenerator<string>,
  giveUp: () => void,
): AsyncGenerator<string> {
  for (let step = first; !step.done; step = await chunks.next()) {
    if (step.value === '') continue;
    const timer = setTimeout(giveUp, STALL_MS);
    try {
      yield step.value;
    } finally {
      clearTimeout(timer);
    }
  }
}
