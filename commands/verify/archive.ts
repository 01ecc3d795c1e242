import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { ClientBase } from 'pg';
import { errorText } from '../../base/errors.ts';
import { inParallel } from '../../base/in-parallel.ts';
import { ObjectDigest } from '../../base/objects/checksum.ts';
import type { ObjectHead, ObjectStore } from '../../base/objects/object-store.ts';
import { streamLines } from '../../collector/bronze/line-stream.ts';
import { compressedPath, RawFileName } from '../../collector/bronze/raw-file-name.ts';
import { lookAt } from '../../collector/bronze/raw-folder.ts';
import { type ArchivedEntry, readArchivedEntries } from '../../collector/retention/archive/archive-ledger.ts';
import { flawBeside } from '../../collector/retention/archive/proof.ts';
import { firstLineHash } from '../../collector/silver/ledger.ts';
import { counted } from '../output/counted.ts';
import type { Differences } from './difference.ts';
import type { Scope } from './partitions.ts';
import { isInScope } from './subjects.ts';

/** Objects that are asked for at once. */
const PARALLEL = 8;

/** Our own data folder. */
interface Own {
  dataDir: string;
  collector: string;
}

/** What `sluice verify --archive` found. */
export interface ArchiveReport {
  objects: number;
  /** Text of the files that they hold. */
  bytes: number;
  /** Files of the ledger that are not, or not to their end, in the archive yet. */
  waiting: number;
  /** Every byte was read. */
  deep: boolean;
}

export interface ArchiveOptions extends Scope {
  /** Our own data folder: what it has still is compared with the objects. */
  own: Own;
  /** Read the objects. */
  deep: boolean;
}

/**
 * Compares the objects of an archive with what the ledger says of them: that they are there, with the checksum that they
 * were written with, and their marks for late lines beside them; where `deep`, also every byte, and with the files that are still in the data folder.
 * @param differences gets what differs. @throws where the archive is away.
 */
export async function verifyArchive(
  client: ClientBase,
  store: ObjectStore,
  { own, deep, ...scope }: ArchiveOptions,
  differences: Differences,
): Promise<ArchiveReport> {
  const { entries, waiting } = await readArchivedEntries(client);
  const asked = entries.filter(({ path }) => isInScope(path, scope));
  await inParallel(asked, PARALLEL, async entry => {
    const head = await store.head(entry.key);
    const what = await differenceOf(store, entry, head, deep ? own : undefined);
    // The text, and what stands beside it.
    const flaw = what === undefined ? await flawBeside(store, entry.key, head!) : undefined;
    if (what === undefined && flaw === undefined) return;
    const file = entry.collector === own.collector ? entry.path : `${entry.collector}: ${entry.path}`;
    differences.add({ kind: 'archive', file, what: flaw ?? `${store.url(entry.key)} ${what}` });
  });
  const bytes = asked.reduce((sum, entry) => sum + entry.bytes, 0);
  return { objects: asked.length, bytes, waiting, deep };
}

/** As text: what was looked at, and what waits. */
export function archiveText({ objects, bytes, waiting, deep }: ArchiveReport): string {
  const held = `${counted(objects, 'object')} of the archive, with ${Math.round(bytes / 1e6)} MB of text,`;
  const seen = deep ? 'read to the last byte' : 'asked for their checksums (--deep reads them)';
  const waits =
    waiting === 0
      ? ''
      : ` ${counted(waiting, 'file')} ${waiting === 1 ? 'is' : 'are'} not there, or not to the end: those of days that are not over, not compressed, or waiting.`;
  return `${held} ${objects === 1 ? 'was' : 'were'} ${seen}.${waits}\n`;
}

async function differenceOf(
  store: ObjectStore,
  entry: ArchivedEntry,
  head: ObjectHead | undefined,
  own: Own | undefined,
): Promise<string | undefined> {
  if (head === undefined) return 'is not there';
  if (head.checksum !== undefined && head.checksum !== entry.checksum)
    return `has the checksum ${head.checksum}; it was written with ${entry.checksum}`;
  if (own === undefined && head.checksum !== undefined) return undefined;
  const content = await contentOf(store, entry.key, head);
  if (content.sha256 !== entry.sha256)
    return `has the SHA-256 ${content.sha256}; it was written with ${entry.sha256}`;
  if (typeof content.text === 'string') return `cannot be read as gzip: ${content.text}`;
  const { bytes, hash } = content.text;
  if (bytes !== entry.bytes) return `holds ${bytes} bytes of text; the ledger says ${entry.bytes}`;
  if (entry.firstLineHash !== null && content.text.firstLineHash !== entry.firstLineHash)
    return 'begins with another line than the ledger says';
  if (own === undefined || own.collector !== entry.collector) return undefined;
  const local = await localHash(own.dataDir, entry);
  return local === undefined || local === hash
    ? undefined
    : 'says something else than the file in the data folder';
}

interface Content {
  sha256: string;
  /** Of what it holds; or why that cannot be read. */
  text: { bytes: number; hash: string; firstLineHash: string | undefined } | string;
}

async function contentOf(store: ObjectStore, key: string, head: ObjectHead): Promise<Content> {
  const digest = new ObjectDigest(head.size);
  const hash = createHash('sha256');
  let bytes = 0;
  let first = Buffer.alloc(0);
  let hasFirst = false;
  const text = async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      hash.update(chunk);
      if (hasFirst) continue;
      first = Buffer.concat([first, chunk]);
      hasFirst = first.includes(0x0a);
    }
  };
  const read = async function* () {
    for await (const chunk of store.read(key, head)) {
      digest.update(chunk);
      yield chunk;
    }
  };
  try {
    await pipeline(Readable.from(read()), createGunzip(), text);
  } catch (error) {
    if (!(error as NodeJS.ErrnoException).code?.startsWith('Z_')) throw error;
    // What is not gzip has a hash all the same.
    return { sha256: (await store.digest(key, head)).sha256, text: errorText(error) };
  }
  const firstLine = hasFirst ? firstLineHash(first.subarray(0, first.indexOf(0x0a))) : undefined;
  return {
    sha256: digest.digest().sha256,
    text: { bytes, hash: hash.digest('hex'), firstLineHash: firstLine },
  };
}

/** SHA-256 (hex) of as much of the file in the data folder as the archive has; undefined where it is not there. */
async function localHash(dataDir: string, { path, bytes }: ArchivedEntry): Promise<string | undefined> {
  const name = RawFileName.ofKey(path);
  const file = name && (await lookAt(dataDir, name));
  if (file === undefined) return undefined;
  const hash = createHash('sha256');
  const form = file.compressed ? compressedPath(join(dataDir, file.name.path)) : file.path;
  for await (const piece of streamLines(form, 'skip', bytes)) hash.update(piece.bytes);
  return hash.digest('hex');
}
