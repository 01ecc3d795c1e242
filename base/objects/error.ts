import { errorText } from '../errors.ts';

/** What an error of the SDK says besides its message. */
interface SdkError extends Error {
  $metadata?: { httpStatusCode?: number };
  $response?: { statusCode?: number };
  Code?: string;
}

const REMEDIES: [RegExp, string][] = [
  [/^NoSuchBucket$/, 'Make the bucket, or correct ARCHIVE_URL'],
  [/^PermanentRedirect$|^AuthorizationHeaderMalformed$/, 'Set ARCHIVE_REGION to the region of the bucket'],
  [
    /Expired|^InvalidAccessKeyId$|^SignatureDoesNotMatch$|^InvalidToken$|Credentials/,
    'Renew the credentials (ARCHIVE_ACCESS_KEY_ID and ARCHIVE_SECRET_ACCESS_KEY, or what the SDK finds), and look at the clock',
  ],
  [
    /^AccessDenied$|^Forbidden$|^403$/,
    'The credentials need GetObject, PutObject, ListBucket and AbortMultipartUpload',
  ],
];

/** The object storage did not do what it was asked. */
export class ObjectStoreError extends Error {
  /** S3's word for it, such as `NoSuchBucket`; '' where nobody answered. */
  readonly code: string;
  /** HTTP status; undefined where nobody answered. */
  readonly status: number | undefined;

  /** @param what such as `write s3://bucket/key`. */
  constructor(what: string, cause: unknown) {
    const error = cause as SdkError;
    const status = error.$metadata?.httpStatusCode ?? error.$response?.statusCode;
    const code = status === undefined && error.name === 'Error' ? '' : error.name;
    const said = [status, code === 'Error' || code === 'UnknownError' ? '' : code].filter(Boolean).join(' ');
    const remedy = REMEDIES.find(([pattern]) => pattern.test(code) || pattern.test(String(status)))?.[1];
    const text = errorText(error).trim();
    super(
      `cannot ${what}: ${[said, text === code ? '' : text].filter(Boolean).join(': ')}${remedy ? `. ${remedy}` : ''}`,
      {
        cause,
      },
    );
    this.name = 'ObjectStoreError';
    this.code = code;
    this.status = status;
  }
}

/** An object does not hold what it should. */
export class ObjectDamagedError extends Error {
  constructor(url: string, what: string) {
    super(`${url} ${what}`);
    this.name = 'ObjectDamagedError';
  }
}
