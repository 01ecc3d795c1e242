import { createHash } from 'node:crypto';
import { ObjectDamagedError } from '../../../base/objects/error.ts';
import type { ObjectHead, ObjectStore } from '../../../base/objects/object-store.ts';
import { factsOf, type ObjectFacts } from './object-facts.ts';

/** What an object says of itself, where it says by what it can be proven. */
export type ProvableFacts = ObjectFacts & { sha256: string };

/**
 * What an object says of itself. @returns undefined where its key is none of an archive.
 * @throws {ObjectDamagedError} where it does not say its SHA-256: somebody else has written it, and nothing can prove it.
 */
export function provableFactsOf(
  store: ObjectStore,
  key: string,
  head: ObjectHead,
): ProvableFacts | undefined {
  const facts = factsOf(key, head);
  if (facts === undefined) return undefined;
  const { sha256 } = facts;
  if (sha256 !== undefined) return { ...facts, sha256 };
  throw new ObjectDamagedError(
    store.url(key),
    'lacks the metadata sluice-sha256, which each object of an archive is written with: it was written over, or copied without its metadata',
  );
}

/**
 * The marks for late lines that were written with a file. The object that holds them may have more: marks go before their lines.
 * @returns undefined where the file has none.
 * @throws {ObjectDamagedError} where they are not there any more, or others.
 */
export async function readMarks(
  store: ObjectStore,
  { name, marks }: Pick<ObjectFacts, 'name' | 'marks'>,
): Promise<Buffer | undefined> {
  if (marks === undefined) return undefined;
  const url = store.url(name.lateMarks);
  const head = await store.head(name.lateMarks);
  if (head === undefined)
    throw new ObjectDamagedError(url, 'is not there, and the file beside it says that it has marks');
  const own = (await store.bytes(name.lateMarks, head)).subarray(0, marks.bytes);
  if (sha256Of(own) === marks.sha256) return own;
  throw new ObjectDamagedError(
    url,
    'does not begin with the marks that were written with the file beside it',
  );
}

/** Whether what stands beside the text of an object is there. @returns what is wrong with it, by its URL; undefined: nothing. */
export async function flawBeside(
  store: ObjectStore,
  key: string,
  head: ObjectHead,
): Promise<string | undefined> {
  try {
    const facts = provableFactsOf(store, key, head);
    if (facts !== undefined) await readMarks(store, facts);
    return undefined;
  } catch (error) {
    if (error instanceof ObjectDamagedError) return error.message;
    throw error;
  }
}

export function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
