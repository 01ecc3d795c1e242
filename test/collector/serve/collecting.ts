import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Collector } from '../../../collector/collector.ts';
import { configFor, countLines, startCollector } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';

/** Nobody listens on port 1. */
const NOWHERE = { MQTT_URL: 'mqtt://127.0.0.1:1', DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' };

export const READ_TOKEN = 'reading-is-all-it-may';
export const INGEST_TOKEN = 'ingesting-is-all-it-may';

export interface Collecting extends AsyncDisposable {
  collector: Collector;
  /** Address of the HTTP server. */
  http: string;
  dataDir: string;
  /** Lines of the raw files. */
  recorded(): Promise<number>;
}

/** A collector whose broker is away, and its database too unless `env` names one: what comes in comes by HTTP. */
export async function collecting(env: Record<string, string> = {}): Promise<Collecting> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const dataDir = join(folder.path, 'data');
  const running = stack.use(
    await startCollector(configFor({ ...NOWHERE, DATA_DIR: dataDir, HTTP_RATE_LIMIT: '0', ...env })),
  );
  const kept = stack.move();
  return {
    ...running,
    dataDir,
    recorded: () => countLines(join(dataDir, 'raw')),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** The same, with the two tokens. */
export async function guarded(env: Record<string, string> = {}): Promise<Collecting> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const file = join(folder.path, 'tokens');
  await writeFile(file, `# who may what\n${READ_TOKEN} read\n\n${INGEST_TOKEN} ingest\n`);
  const running = stack.use(await collecting({ HTTP_TOKENS_FILE: file, ...env }));
  const kept = stack.move();
  return { ...running, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Posts a body; resolves to status, headers and the answer's JSON. */
export async function post(
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  type = 'application/json',
  headers: Record<string, string> = {},
) {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { ...(type && { 'content-type': type }), ...headers },
  });
  return { code: response.status, headers: response.headers, body: await jsonOf(response) };
}

// biome-ignore lint/suspicious/noExplicitAny: a test knows what it asks for.
async function jsonOf(response: Response): Promise<any> {
  const text = await response.text();
  return text === '' ? undefined : JSON.parse(text);
}

/** A reading as a sensor sends it; `second` of a minute of the past. */
export function readingAt(second: number, id = 'Sensor 1', value: unknown = 20): string {
  return JSON.stringify({ id, dt: new Date(Date.UTC(2025, 10, 12, 10, 0, second)).toISOString(), value });
}
