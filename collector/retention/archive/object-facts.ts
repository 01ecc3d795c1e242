import type { ObjectHead } from '../../../base/objects/object-store.ts';
import { ObjectName } from './object-name.ts';

/** What an object of the archive says of itself, as its metadata. */
export interface ObjectFacts {
  name: ObjectName;
  /** Length of its text; undefined: it does not say. */
  bytes: number | undefined;
  /** SHA-256 (hex) of the object; undefined: it does not say. */
  sha256: string | undefined;
  /** Length and SHA-256 (hex) of the marks that stand beside the text; undefined: there are none. */
  marks: { bytes: number; sha256: string } | undefined;
}

/** As metadata: S3 takes ASCII of less than 2 KB. */
export function metadataOf({ name, bytes, sha256, marks }: Required<ObjectFacts>): Record<string, string> {
  return {
    'sluice-collector': encodeURIComponent(name.collector),
    'sluice-file': name.file,
    'sluice-part': String(name.part),
    'sluice-bytes': String(bytes),
    'sluice-sha256': String(sha256),
    ...(marks === undefined ? {} : { 'sluice-late': `${marks.bytes} ${marks.sha256}` }),
  };
}

/** What an object says of itself; where it says nothing, what its key says. @returns undefined where it is not one of an archive. */
export function factsOf(key: string, { metadata }: Pick<ObjectHead, 'metadata'>): ObjectFacts | undefined {
  const parsed = ObjectName.parse(key);
  if (parsed === undefined) return undefined;
  const { 'sluice-file': file = parsed.file, 'sluice-part': part = '1', 'sluice-bytes': bytes } = metadata;
  const [, length, hash] = /^(\d{1,15}) ([0-9a-f]{64})$/.exec(metadata['sluice-late'] ?? '') ?? [];
  return {
    name: new ObjectName(parsed.collector, parsed.date, file, Number(part)),
    bytes: bytes === undefined ? undefined : Number(bytes),
    sha256: metadata['sluice-sha256'],
    marks: length === undefined ? undefined : { bytes: Number(length), sha256: hash! },
  };
}
