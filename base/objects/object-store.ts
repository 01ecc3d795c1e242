import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3';
import { Backoff } from '../backoff.ts';
import type { Config } from '../config.ts';
import { type Digest, ObjectDigest, partBytes } from './checksum.ts';
import { ObjectDamagedError, ObjectStoreError } from './error.ts';
import { type Location, locationOf } from './location.ts';
import { newS3Client, type Sdk } from './s3-client.ts';

/** How often a download that breaks off goes on without having brought anything new. */
const RESUMPTIONS = 4;

/** What is known of an object without reading it. */
export interface ObjectHead {
  size: number;
  /** Changes with each write. */
  etag: string;
  /** As `Digest.checksum`; undefined where the server does not say it. */
  checksum: string | undefined;
  /** What whoever wrote it has said of it. */
  metadata: Readonly<Record<string, string>>;
}

/** What a write supposes: that there is no such object yet, or that it is the one of this etag. */
export type Condition = { ifNoneMatch: '*' } | { ifMatch: string };

/**
 * Objects below a prefix of a bucket. The SDK is loaded when this is opened, as most installations never need it: with the
 * first request 39 MB of memory and 0.4 s. Keys are those below the prefix.
 */
export class ObjectStore implements Disposable {
  readonly location: Location;
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #signal: AbortSignal | undefined;
  readonly #options: { abortSignal?: AbortSignal };

  private constructor(sdk: Sdk, client: S3Client, location: Location, signal: AbortSignal | undefined) {
    this.#sdk = sdk;
    this.#client = client;
    this.location = location;
    this.#signal = signal;
    this.#options = signal === undefined ? {} : { abortSignal: signal };
  }

  /**
   * Connects to nothing yet.
   * @param url `s3://bucket/prefix`. @param signal ends everything that is under way.
   */
  static async open(config: Config, url: string, signal?: AbortSignal): Promise<ObjectStore> {
    const sdk = await import('@aws-sdk/client-s3');
    return new ObjectStore(sdk, newS3Client(sdk, config), locationOf(url), signal);
  }

  [Symbol.dispose](): void {
    this.#client.destroy();
  }

  /** `s3://bucket/prefix/key`. */
  url(key: string): string {
    return `s3://${this.location.bucket}/${this.#keyOf(key)}`;
  }

  /** @returns undefined where there is no such object. */
  async head(key: string): Promise<ObjectHead | undefined> {
    try {
      const answer = await this.#ask(
        `look at ${this.url(key)}`,
        this.#client.send(
          new this.#sdk.HeadObjectCommand({ ...this.#at(key), ChecksumMode: 'ENABLED' }),
          this.#options,
        ),
      );
      return {
        size: answer.ContentLength ?? 0,
        etag: answer.ETag ?? '',
        checksum: answer.ChecksumSHA256,
        metadata: answer.Metadata ?? {},
      };
    } catch (error) {
      if ((error as ObjectStoreError).status === 404) return undefined;
      throw error;
    }
  }

  /**
   * The bytes of an object. A download that breaks off goes on where it was.
   * @param etag of the object; a download of another one fails. @param from the first byte. @param to the one after the last.
   */
  async *read(
    key: string,
    { etag, size }: Pick<ObjectHead, 'etag' | 'size'>,
    from = 0,
    to = size,
  ): AsyncGenerator<Buffer> {
    const what = `read ${this.url(key)}`;
    const backoff = new Backoff(100, 5000);
    let broken = 0;
    for (let at = from; at < to; ) {
      const range = at === 0 && to === size ? {} : { Range: `bytes=${at}-${to - 1}` };
      const answer = await this.#ask(
        what,
        this.#client.send(
          new this.#sdk.GetObjectCommand({ ...this.#at(key), IfMatch: etag, ...range }),
          this.#options,
        ),
      );
      const body = answer.Body as Readable;
      try {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          at += chunk.length;
          broken = 0;
          yield chunk;
        }
        if (at > to) throw new ObjectDamagedError(this.url(key), `has more than the ${size} bytes it says`);
      } catch (error) {
        if (this.#signal?.aborted || error instanceof ObjectDamagedError || ++broken > RESUMPTIONS)
          throw error instanceof ObjectDamagedError ? error : new ObjectStoreError(what, error);
        await sleep(backoff.next(), undefined, this.#signal ? { signal: this.#signal } : {});
      } finally {
        body.destroy();
      }
      if (at < to && ++broken > RESUMPTIONS)
        throw new ObjectStoreError(what, new Error(`it ends after ${at} of ${to} bytes, again and again`));
    }
  }

  /** The digest of an object, of all its bytes. */
  async digest(key: string, head: ObjectHead): Promise<Digest> {
    const digest = new ObjectDigest(head.size);
    for await (const chunk of this.read(key, head)) digest.update(chunk);
    return digest.digest();
  }

  /**
   * Writes a file as an object; the server checks the SHA-256 of what it gets. Larger ones go in parts.
   * @param file with its digest: what else the server says afterwards is an error. Its type is gzip unless it says another.
   * @throws {ObjectStoreError} of status 412 where `condition` does not hold; {ObjectDamagedError}.
   */
  async write(
    key: string,
    file: { path: string; size: number; digest: Digest; contentType?: string },
    metadata: Record<string, string>,
    condition: Condition,
  ): Promise<void> {
    const { path, size, digest, contentType = 'application/gzip' } = file;
    const params = {
      ...this.#at(key),
      Metadata: metadata,
      ContentType: contentType,
      ...conditionOf(condition),
    };
    const what = `write ${this.url(key)}`;
    if (size <= partBytes(size)) {
      const put = { ...params, Body: await readFile(path), ChecksumSHA256: digest.checksum };
      await this.#ask(what, this.#client.send(new this.#sdk.PutObjectCommand(put), this.#options));
    } else await this.#writeInParts(what, path, size, params);
    const written = await this.head(key);
    const said = written && (written.checksum ?? (await this.digest(key, written)).checksum);
    if (said === digest.checksum) return;
    throw new ObjectDamagedError(
      this.url(key),
      written === undefined
        ? 'was written, and is not there'
        : `was written, and has the checksum ${said} instead of ${digest.checksum}`,
    );
  }

  /** Writes some bytes as an object. */
  async writeBytes(key: string, bytes: Buffer, condition: Condition): Promise<void> {
    await this.#ask(
      `write ${this.url(key)}`,
      this.#client.send(
        new this.#sdk.PutObjectCommand({
          ...this.#at(key),
          ...conditionOf(condition),
          Body: bytes,
          ContentType: 'application/octet-stream',
          ChecksumAlgorithm: 'SHA256',
        }),
        this.#options,
      ),
    );
  }

  /** All bytes of an object that is not large. */
  async bytes(key: string, head: ObjectHead): Promise<Buffer> {
    return buffer(this.read(key, head));
  }

  async #writeInParts(
    what: string,
    path: string,
    size: number,
    params: PutObjectCommandInput,
  ): Promise<void> {
    const { Upload } = await import('@aws-sdk/lib-storage');
    const upload = new Upload({
      client: this.#client,
      params: { ...params, Body: createReadStream(path), ChecksumAlgorithm: 'SHA256' },
      partSize: partBytes(size),
      // As many are in memory at once.
      queueSize: 2,
      leavePartsOnError: false,
    });
    const abort = () => void upload.abort();
    this.#signal?.addEventListener('abort', abort);
    try {
      this.#signal?.throwIfAborted();
      await upload.done();
    } catch (error) {
      throw new ObjectStoreError(what, error);
    } finally {
      this.#signal?.removeEventListener('abort', abort);
    }
  }

  /** The keys below a place, in their order. */
  async *list(under = ''): AsyncGenerator<{ key: string; size: number }> {
    const { prefix, bucket } = this.location;
    const before = prefix === '' ? 0 : prefix.length + 1;
    for (let token: string | undefined; ; ) {
      const more = token === undefined ? {} : { ContinuationToken: token };
      const answer = await this.#ask(
        `list ${this.url(under)}`,
        this.#client.send(
          new this.#sdk.ListObjectsV2Command({ Bucket: bucket, Prefix: this.#keyOf(under), ...more }),
          this.#options,
        ),
      );
      for (const { Key: key = '', Size: size = 0 } of answer.Contents ?? [])
        yield { key: key.slice(before), size };
      token = answer.NextContinuationToken;
      if (token === undefined) return;
    }
  }

  async delete(key: string): Promise<void> {
    await this.#ask(
      `delete ${this.url(key)}`,
      this.#client.send(new this.#sdk.DeleteObjectCommand(this.#at(key)), this.#options),
    );
  }

  /** Frees what uploads in parts that never ended have left. @param isOurs whether one of this key is nobody else's. */
  async abortUploads(isOurs: (key: string) => boolean): Promise<void> {
    const { prefix, bucket } = this.location;
    const before = prefix === '' ? 0 : prefix.length + 1;
    const { Uploads: uploads = [] } = await this.#ask(
      `list the uploads of ${this.url('')}`,
      this.#client.send(
        new this.#sdk.ListMultipartUploadsCommand({ Bucket: bucket, Prefix: this.#keyOf('') }),
        this.#options,
      ),
    );
    for (const { Key: key = '', UploadId } of uploads) {
      if (!isOurs(key.slice(before))) continue;
      await this.#ask(
        `abort an upload of s3://${bucket}/${key}`,
        this.#client.send(
          new this.#sdk.AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId }),
          this.#options,
        ),
      );
    }
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.location.bucket, Key: this.#keyOf(key) };
  }

  #keyOf(key: string): string {
    const { prefix } = this.location;
    return prefix === '' ? key : `${prefix}/${key}`;
  }

  /** @param what was asked for, for errors. */
  async #ask<Answer>(what: string, answer: Promise<Answer>): Promise<Answer> {
    try {
      return await answer;
    } catch (error) {
      throw new ObjectStoreError(what, error);
    }
  }
}

function conditionOf(condition: Condition): { IfMatch: string } | { IfNoneMatch: string } {
  return 'ifMatch' in condition ? { IfMatch: condition.ifMatch } : { IfNoneMatch: condition.ifNoneMatch };
}
