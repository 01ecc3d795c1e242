import { pipeline } from 'node:stream/promises';

/**
 * Writes to standard output as fast as it is read.
 * @returns false when the reader has closed the pipe, as `head` does: it has what it wants.
 * @throws what `chunks` throws.
 */
export async function writeToStandardOutput(
  chunks: AsyncIterable<string | Buffer> | Iterable<string | Buffer>,
): Promise<boolean> {
  // A connection to the database can end with EPIPE too, and that is a failure.
  let sourceFailed = false;
  const source = async function* () {
    try {
      yield* chunks;
    } catch (error) {
      sourceFailed = true;
      throw error;
    }
  };
  try {
    await pipeline(source, process.stdout, { end: false });
    return true;
  } catch (error) {
    if (!sourceFailed && (error as NodeJS.ErrnoException).code === 'EPIPE') return false;
    throw error;
  }
}
