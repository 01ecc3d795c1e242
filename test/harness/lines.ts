import type pg from 'pg';
import { zoneOf } from '../../base/time.ts';
import { splitLines } from '../../collector/bronze/line-reader.ts';
import type { Watermark } from '../../collector/bronze/watermark.ts';
import { prepareRefresh } from '../../collector/gold/refresh.ts';
import { defaultTopics } from '../../collector/payload/topics.ts';
import type { BatchLine } from '../../collector/silver/batch-line.ts';
import { LineDecoder } from '../../collector/silver/line-decoder.ts';
import { Registry, upsertSensors } from '../../collector/silver/registry.ts';
import { prepareStaging } from '../../collector/silver/staged-store.ts';
import { connect } from '../../db/connect.ts';
import type { TestDatabase } from './database.ts';

const utc = zoneOf('UTC');

/** The lines of a raw file with this content, made ready for the database. @param watermark judges which of them are late. */
export function linesOf(
  file: string,
  texts: readonly string[],
  registry: Registry,
  offset = 0,
  zone = utc,
  watermark?: Watermark,
): BatchLine[] {
  const decoder = decoderOf(registry, zone);
  return splitLines(Buffer.from(texts.map(text => `${text}\n`).join('')), offset).map(line =>
    decoder.decode(file, line, watermark),
  );
}

/** Decodes plain messages, as without a topics file. */
export function decoderOf(registry: Registry, zone = utc): LineDecoder {
  return new LineDecoder({
    topics: defaultTopics(['sensors/#'], zone),
    registry,
    lateMinutes: 60,
    folder: '',
  });
}

/** A connection as the loader has it; it closes at the end of the scope. */
export async function loaderConnection(
  database: TestDatabase,
): Promise<{ client: pg.Client } & AsyncDisposable> {
  const client = await connect(database.url, 'test', () => undefined);
  await prepareStaging(client);
  await prepareRefresh(client);
  return { client, [Symbol.asyncDispose]: () => client.end().catch(() => undefined) };
}

/** Registers a sensor for each id, with these limits. */
export async function register(
  client: pg.Client,
  ids: readonly string[],
  min_value: number | null = null,
  max_value: number | null = null,
): Promise<Registry> {
  const common = { quantity: 'temperature', unit: '°C', location: null, min_value, max_value };
  await upsertSensors(
    client,
    ids.map(sensor_id => ({ sensor_id, ...common })),
  );
  return Registry.load(client);
}

/**
 * The same connection, but `before` is awaited before each statement whose text it is given: a way into the middle of a
 * transaction.
 */
export function interleave(client: pg.Client, before: (sql: string) => Promise<void> | void): pg.Client {
  return new Proxy(client, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (name !== 'query') return typeof value === 'function' ? value.bind(target) : value;
      return (query: unknown, ...rest: unknown[]) => {
        // A COPY is a stream, and has to be handed over at once.
        if (typeof query !== 'string') return Reflect.apply(value, target, [query, ...rest]);
        return (async () => {
          await before(query);
          return Reflect.apply(value, target, [query, ...rest]);
        })();
      };
    },
  });
}

/** Every raw file and up to where it is durable. */
export async function sizesOf(recorder: {
  sizes(): AsyncIterable<Map<string, number>>;
}): Promise<Map<string, number>> {
  const all = new Map<string, number>();
  for await (const page of recorder.sizes()) for (const [key, size] of page) all.set(key, size);
  return all;
}
