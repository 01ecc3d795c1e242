/** A bucket and a place in it: `s3://bucket/prefix`. */
export interface Location {
  bucket: string;
  /** Without slashes around it; '' is the whole bucket. */
  prefix: string;
}

/** Whether a text names something in object storage. */
export function isObjectUrl(text: string): boolean {
  return text.startsWith('s3://');
}

/** @param url as `s3://bucket/prefix`; slashes at the end mean nothing. */
export function locationOf(url: string): Location {
  const [, bucket, prefix] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(url) ?? [];
  return { bucket: bucket ?? '', prefix: (prefix ?? '').replace(/^\/+|\/+$/g, '') };
}
