import type { ObjectName } from './object-name.ts';

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
