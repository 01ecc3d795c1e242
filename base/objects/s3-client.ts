import type { S3Client } from '@aws-sdk/client-s3';
import type { Config } from '../config.ts';

export type Sdk = typeof import('@aws-sdk/client-s3');

const CONNECT_MS = 10_000;
/** A server that sends nothing for so long is away. */
const SILENCE_MS = 60_000;
const ATTEMPTS = 4;

/** The client for the object storage that the settings name; what they leave open, the SDK takes from its own environment. */
export function newS3Client(sdk: Sdk, config: Config): S3Client {
  const { ARCHIVE_ENDPOINT: endpoint, ARCHIVE_PATH_STYLE: pathStyle } = config;
  const { ARCHIVE_ACCESS_KEY_ID: accessKeyId, ARCHIVE_SECRET_ACCESS_KEY: secretAccessKey } = config;
  // An endpoint of one's own mostly has no regions; the SDK asks for one all the same.
  const region = config.ARCHIVE_REGION ?? (endpoint && !process.env.AWS_REGION ? 'us-east-1' : undefined);
  return new sdk.S3Client({
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(accessKeyId && secretAccessKey ? { credentials: { accessKeyId, secretAccessKey } } : {}),
    forcePathStyle: pathStyle === 'auto' ? endpoint !== undefined : pathStyle === 'on',
    maxAttempts: ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      requestTimeout: SILENCE_MS,
      throwOnRequestTimeout: true,
    },
  });
}
