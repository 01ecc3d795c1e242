import type pg from 'pg';
import { rawFolder } from '../bronze/raw-file-name.ts';
import type { Topics } from '../payload/topics.ts';
import { PastDecoders } from '../silver/past-decoders.ts';
import { REGISTRY_CHANNEL, Registry } from '../silver/registry.ts';
import { FileLines, RawFileGoneError } from './file-lines.ts';
import { type Message, readingMessage } from './message.ts';
import {
  type FileRange,
  moveSent,
  OUTLET_CHANNEL,
  type OutletKey,
  OutletMovedError,
  readSent,
  readUnsent,
  registerOutlet,
  skipRemoved,
} from './offsets.ts';
import type { Selection } from './selection.ts';
import type { Batch, Supply } from './supply.ts';
import { UnsentFiles } from './unsent-files.ts';

/** From one file at a time no more than this. */
const FILE_BYTES = 128 * 1024;
/** Of what nobody wants so much is passed over at once. */
const BATCH_BYTES = 1024 * 1024;
/** How often the registry is read again where no change was announced, and files are looked for that are gone. */
const REFRESH_MS = 60_000;

/** Readings of raw files, and the parts of the files that they come from. */
interface FileBatch extends Batch {
  ranges: readonly FileRange[];
}

export interface FileSupplyOptions {
  key: OutletKey;
  from: string;
  selection: Selection;
  /** Messages of a batch, at most. */
  most: number;
  dataDir: string;
  topics: Topics;
  lateMinutes: number;
  /** SENSOR_TIMEZONE. */
  zone: string;
  log: { warn(fields: object, message: string): void };
}

/** The readings of raw files, as far as the files are loaded; the outlet's offsets say how far they are sent. */
export class FileSupply implements Supply<FileBatch> {
  readonly unit = 'bytes';
  readonly #client: pg.Client;
  readonly #options: FileSupplyOptions;
  readonly #files = new UnsentFiles();
  readonly #lines: FileLines;
  #decoders: PastDecoders | undefined;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #mustSync = true;
  #looking: Promise<void> | undefined;
  /** Batches that are on their way, and the bytes that they come from. */
  #batches = 0;
  #bytesOnTheirWay = 0;
  /** What has grown while the files are compared with the offsets. */
  #grown: Map<string, number> | undefined;
  skipped = 0;
  confirmed = 0;
  refused = 0;

  private constructor(client: pg.Client, options: FileSupplyOptions) {
    this.#client = client;
    this.#options = options;
    this.#lines = new FileLines(rawFolder(options.dataDir));
    client.on('notification', ({ channel, payload }) => {
      if (channel === REGISTRY_CHANNEL) this.#refreshedAt = Number.NEGATIVE_INFINITY;
      else if (payload === options.key.outlet) this.#mustSync = true;
    });
  }

  static async open(client: pg.Client, options: FileSupplyOptions): Promise<FileSupply> {
    await client.query(`LISTEN ${REGISTRY_CHANNEL}; LISTEN ${OUTLET_CHANNEL}`);
    const supply = new FileSupply(client, options);
    const { sent, skipped, refused } = await registerOutlet(client, options.key, options.from);
    supply.confirmed = sent;
    supply.skipped = skipped;
    supply.refused = refused;
    await supply.#refresh();
    return supply;
  }

  get waiting(): number {
    return this.#files.bytes + this.#bytesOnTheirWay;
  }

  /** Notes that a file is loaded up to a byte. */
  grow(path: string, loaded: number): void {
    this.#grown?.set(path, loaded);
    this.#files.grow(path, loaded);
  }

  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    if (performance.now() - this.#refreshedAt > REFRESH_MS) await this.#refresh();
    // What is on its way is not in the database yet: it would be read again.
    const mustSync = this.#mustSync || (this.#files.isEmpty && this.#files.isPartial);
    if (mustSync && this.#batches === 0) await this.#synchronise();
    const { unknown } = this.#files;
    if (unknown.length > 0) this.#files.learn(await readSent(this.#client, this.#options.key, unknown));
  }

  async next(): Promise<FileBatch | undefined> {
    await this.look();
    if (this.#mustSync) return undefined;
    try {
      const batch = await this.#read();
      if (batch !== undefined) this.#batches++;
      return batch;
    } catch (error) {
      if (!(error instanceof RawFileGoneError)) throw error;
      // Only when it is known how far it was sent.
      if (this.#batches > 0) return undefined;
      await this.#skip(error.path);
      this.#batches++;
      return { messages: [], ranges: [] };
    }
  }

  async sent(batches: readonly FileBatch[], refused: number): Promise<void> {
    const ranges = joined(batches.flatMap(batch => batch.ranges));
    const taken = batches.reduce((sum, { messages }) => sum + messages.length, -refused);
    if (ranges.length > 0) {
      try {
        await moveSent(this.#client, this.#options.key, ranges, { taken, refused });
      } catch (error) {
        if (error instanceof OutletMovedError) this.#mustSync = true;
        else throw error;
      }
    }
    this.confirmed += taken;
    this.refused += refused;
    this.#batches -= batches.length;
    for (const { from, to } of ranges) this.#bytesOnTheirWay -= to - from;
  }

  rewind(): void {
    this.#batches = 0;
    this.#mustSync = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lines.close();
  }

  async #read(): Promise<FileBatch | undefined> {
    const { key, most, selection } = this.#options;
    const messages: Message[] = [];
    const ranges: FileRange[] = [];
    let bytes = 0;
    for (const { path, sent, loaded } of this.#files.next()) {
      if (messages.length >= most || bytes >= BATCH_BYTES) break;
      let [to, count] = [sent, 0];
      for (const line of await this.#lines.read(path, sent, loaded, FILE_BYTES)) {
        if (messages.length >= most) break;
        for (const row of this.#decoders!.at(path, line.start).decode(path, line).rows) {
          const message = readingMessage(key.collector, path, line.start, row);
          if (selection.has(message)) messages.push(message);
        }
        to = line.end;
        count++;
      }
      // No whole line where the ledger has counted some: it was cut by another hand.
      if (to === sent) {
        if (ranges.length > 0) break;
        throw new RawFileGoneError(path);
      }
      ranges.push({ path, from: sent, to, lines: count });
      bytes += to - sent;
    }
    for (const { path, to } of ranges) this.#files.advance(path, to);
    this.#bytesOnTheirWay += bytes;
    return ranges.length === 0 ? undefined : { messages, ranges };
  }

  async #synchronise(): Promise<void> {
    this.#mustSync = false;
    const grown = new Map<string, number>();
    this.#grown = grown;
    this.#files.reset(await readUnsent(this.#client, this.#options.key));
    this.#bytesOnTheirWay = 0;
    this.#grown = undefined;
    for (const [path, loaded] of grown) this.#files.grow(path, loaded);
  }

  async #refresh(): Promise<void> {
    // First the time: the registry may change again while we read it.
    this.#refreshedAt = performance.now();
    const { key, topics, dataDir, lateMinutes, zone } = this.#options;
    const registry = await Registry.load(this.#client);
    const decoding = { topics, registry, lateMinutes, folder: rawFolder(dataDir) };
    this.#decoders = await PastDecoders.load(this.#client, key.collector, decoding, zone);
    await this.#skip();
  }

  /** @param missing a file that is not there. */
  async #skip(missing?: string): Promise<void> {
    const { key, log } = this.#options;
    const lines = await skipRemoved(this.#client, key, missing === undefined ? [] : [missing]);
    if (missing !== undefined) this.#files.drop(missing);
    if (lines === 0) return;
    this.skipped += lines;
    log.warn(
      { outlet: key.outlet, lines, ...(missing === undefined ? {} : { file: missing }) },
      'raw files were removed before an outlet had sent them: their lines are skipped',
    );
  }
}

/** Parts of files that follow each other, as one a file. */
function joined(ranges: readonly FileRange[]): FileRange[] {
  const byPath = new Map<string, FileRange>();
  for (const { path, from, to, lines } of ranges) {
    const before = byPath.get(path);
    byPath.set(path, before ? { ...before, to, lines: before.lines + lines } : { path, from, to, lines });
  }
  return [...byPath.values()];
}
