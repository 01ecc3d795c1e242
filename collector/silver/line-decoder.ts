import { basename } from 'node:path';
import type { Micros } from '../../base/time.ts';
import type { RawLine } from '../bronze/line-reader.ts';
import { RawFileName } from '../bronze/raw-file-name.ts';
import type { Watermark } from '../bronze/watermark.ts';
import { UNKNOWN_ARRIVAL } from '../payload/decoder.ts';
import { type Envelope, readEnvelope } from '../payload/envelope.ts';
import { numberOf, type Reading, type Rejection } from '../payload/reading.ts';
import type { Topics } from '../payload/topics.ts';
import type { BatchLine, Rejected } from './batch-line.ts';
import { isInexact } from './exactness.ts';
import type { FoundSensor } from './found-sensors.ts';
import { keyOfEntry } from './ledger.ts';
import type { Row } from './reading-columns.ts';
import { Redeliveries } from './redeliveries.ts';
import type { Quality, Registry } from './registry.ts';

export interface LineDecoderOptions {
  topics: Topics;
  registry: Registry;
  /** See `Watermark`. What comes in an envelope is late when it arrives more than this after its time. */
  lateMinutes: number;
  /** The folder of the raw files: what the broker sent again is looked for there. */
  folder: string;
}

/**
 * Makes the lines of raw files ready for the database: decodes them and classifies their readings. The same lines, topics
 * and registry give the same answer, whenever they are read.
 */
export class LineDecoder {
  readonly #topics: Topics;
  readonly #registry: Registry;
  readonly #lateMicros: Micros;
  readonly #redeliveries: Redeliveries;
  /** Lines come file by file. */
  #file = '';
  #isPlain = true;
  #entry: string | undefined;

  constructor({ topics, registry, lateMinutes, folder }: LineDecoderOptions) {
    this.#redeliveries = new Redeliveries(folder);
    this.#topics = topics;
    this.#registry = registry;
    this.#lateMicros = lateMinutes * 60e6;
  }

  /**
   * @param file its key in the ledger; it tells messages in envelopes from plain ones.
   * @param watermark of the lines before; without it no plain message is late.
   */
  decode(file: string, raw: RawLine, watermark?: Watermark): BatchLine {
    this.#entry = undefined;
    if (this.isPlain(file)) return this.#decodePlain(file, raw, watermark);
    const line = this.#decodeEnvelope(file, raw);
    line.decodedWith = this.topicsHash;
    line.entry = this.#entry;
    return line;
  }

  /** Whether a file holds plain messages. */
  isPlain(file: string): boolean {
    if (file !== this.#file) {
      this.#file = file;
      this.#isPlain = !holdsEnvelopes(file);
    }
    return this.#isPlain;
  }

  /** The entry of the topics file that has decided about the last message; undefined: none, or it was a plain one. */
  get entry(): string | undefined {
    return this.#entry;
  }

  /** Of the topics file. */
  get topicsHash(): string {
    return this.#topics.hash;
  }

  /** The quality of a plain reading. */
  qualityOf(sensorId: string, value: number): Quality {
    return this.#registry.qualityOf(sensorId, value);
  }

  /** Notes what the database has learnt of a sensor. */
  learn(found: FoundSensor): void {
    this.#registry.learn(found);
  }

  /** A plain message is a reading, or is rejected as a whole. One that cannot be stored has a time all the same. */
  #decodePlain(file: string, raw: RawLine, watermark: Watermark | undefined): BatchLine {
    const readings = this.#topics.plain.decoder.decode('', raw.bytes, UNKNOWN_ARRIVAL);
    if (typeof readings === 'string') {
      const line = rejectedLine(file, raw, readings);
      line.newest = watermark?.newest;
      return line;
    }
    const reading = readings[0]!;
    const { sensorId, time } = reading;
    const value = numberOf(reading.value);
    const isLate = watermark?.isLate(sensorId, Math.floor(time / 1e6), raw.start) ?? false;
    const line =
      typeof value === 'string'
        ? rejectedLine(file, raw, value, reading)
        : understood(file, raw, [
            {
              time,
              sensorId,
              value,
              quality: this.#registry.qualityOf(sensorId, value),
              late: isLate,
              inexact: isInexact(value, raw.bytes),
              reading: 1,
            },
          ]);
    line.newest = watermark?.newest;
    return line;
  }

  #decodeEnvelope(file: string, raw: RawLine): BatchLine {
    const envelope = readEnvelope(raw.bytes);
    if (typeof envelope === 'string') return rejectedLine(file, raw, envelope);
    const { topic, payload, notes } = envelope;
    const entry = this.#topics.find(topic);
    this.#entry = entry?.name;
    if (entry === undefined) return rejectedLine(file, raw, 'the topics file takes no such topic');
    // The broker had kept it from before the subscription: its reading is not of now.
    if (entry.ignore || (envelope.retain && entry.retained === 'skip')) return understood(file, raw, []);
    const arrival = entry.hasOwnTime
      ? envelope.arrival
      : this.#redeliveries.firstArrival(file, raw.start, envelope);
    const readings = entry.decoder.decode(topic, payload, arrival, notes);
    if (typeof readings === 'string') return rejectedLine(file, raw, readings);
    return this.#rowsOf(file, raw, envelope, readings);
  }

  #rowsOf(
    file: string,
    raw: RawLine,
    { topic, arrival, payload }: Envelope,
    readings: readonly Reading[],
  ): BatchLine {
    const rows: Row[] = [];
    const refusals: Rejected[] = [];
    const arrivals = new Map<string, number>();
    for (const [index, said] of readings.entries()) {
      const reading = said.isArrival ? apart(said, arrivals) : said;
      const { sensorId, time } = reading;
      const value = numberOf(reading.value);
      if (typeof value === 'string') refusals.push(refusalOf(index + 1, reading, value));
      else
        rows.push({
          time,
          sensorId,
          value,
          quality: this.#registry.foundQualityOf(sensorId, value),
          late: arrival - time > this.#lateMicros,
          inexact: isInexact(value, payload),
          reading: index + 1,
          found: this.#foundBy(topic, reading),
        });
    }
    return { ...understood(file, raw, rows), refusals };
  }

  /** What a message says of its sensor, where the registry lacks it. */
  #foundBy(topic: string, { sensorId, unit, quantity, location, name }: Reading): FoundSensor | undefined {
    const found: FoundSensor = { sensor_id: sensorId, topic, unit, quantity, location, name };
    return this.#registry.lacks(found) ? found : undefined;
  }
}

/** Whether a file holds messages in envelopes. @param file its key in the ledger, which is the path of a file from elsewhere. */
export function holdsEnvelopes(file: string): boolean {
  return RawFileName.parse(basename(keyOfEntry(file)))?.name.holdsEnvelopes ?? false;
}

/** Several readings of a sensor that all have the time of their message's arrival are a microsecond apart. */
function apart(reading: Reading, arrivals: Map<string, number>): Reading {
  const before = arrivals.get(reading.sensorId) ?? 0;
  arrivals.set(reading.sensorId, before + 1);
  return before === 0 ? reading : { ...reading, time: reading.time + before };
}

function understood(file: string, { start, end }: RawLine, rows: readonly Row[]): BatchLine {
  return { file, start, end, rows, refusals: [] };
}

function rejectedLine(file: string, raw: RawLine, reason: Rejection, reading?: Reading): BatchLine {
  const text = storable(raw.bytes.toString('utf8'));
  const rejection = { reading: 0, reason, text, sensorId: reading?.sensorId, time: reading?.time };
  return { ...understood(file, raw, []), rejection };
}

function refusalOf(reading: number, { sensorId, time, value }: Reading, reason: Rejection): Rejected {
  return { reading, reason, text: storable(textOf(value)), sensorId, time };
}

/** A value that is not a number, as JSON where it is not nested too deep for that. */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '';
  }
}

/** PostgreSQL's text cannot hold NUL. */
function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}
