import type { Decoder } from '../payload/decoder.ts';
import { NO_ENTRY, PLAIN } from '../payload/entry-counts.ts';
import { writeEnvelope } from '../payload/envelope.ts';
import { AHEAD, MAX_PAYLOAD_BYTES, type Rejection } from '../payload/reading.ts';
import type { TopicEntry, Topics } from '../payload/topics.ts';
import { type Delivery, isRepeated, isRetained, packetIdOf, qosOf } from '../source/delivery.ts';
import type { Origin } from '../source/sink.ts';
import { Arrivals } from './arrivals.ts';
import type { ClockWatch } from './clock-watch.ts';
import type { FileNames } from './file-names.ts';
import type { Group } from './group.ts';
import { rawLine, rejectedLine } from './line.ts';
import { PartitionCache } from './partition-cache.ts';
import type { Partition } from './sensor-partition.ts';
import type { SensorWatermarks } from './sensor-watermarks.ts';
import type { TopicFiles } from './topic-files.ts';

/** A message on its way into a group. */
interface Message {
  topic: string | Buffer;
  payload: Buffer;
  delivery: Delivery;
  origin: Origin | undefined;
}

/** What filing needs. */
export interface FilingOptions {
  topics: Topics;
  watermarks: SensorWatermarks;
  files: TopicFiles;
  names: FileNames;
  /** Compares the readings with the clock; absent where nobody asks. */
  clock?: ClockWatch | undefined;
  /** ms since 1970. */
  now: () => number;
  /** Files are those of hours. */
  hourly: boolean;
}

/**
 * Decides to which file a message goes, and as which line: a plain message, decoded, into the file of its sensor and day;
 * one whose entry has a format of its own into the file of its topic, as it came (or both into those of their hour); what is
 * neither to the rejected ones.
 */
export class Filing {
  #topics: Topics;
  #alsoTaken: Topics | undefined;
  readonly #watermarks: SensorWatermarks;
  readonly #files: TopicFiles;
  readonly #names: FileNames;
  readonly #clock: ClockWatch | undefined;
  readonly #now: () => number;
  readonly #hourly: boolean;
  readonly #known: PartitionCache;
  readonly #arrivals = new Arrivals();

  constructor({ topics, watermarks, files, names, clock, now, hourly }: FilingOptions) {
    this.#topics = topics;
    this.#watermarks = watermarks;
    this.#files = files;
    this.#names = names;
    this.#clock = clock;
    this.#now = now;
    this.#hourly = hourly;
    this.#known = new PartitionCache(hourly);
  }

  /** Adds a message to a group. Called for every message. */
  add(group: Group, topic: string | Buffer, payload: Buffer, delivery: Delivery, origin?: Origin): void {
    group.clock ||= this.#now();
    // What no source of messages has delivered is plain.
    const entry = origin === undefined ? this.#topics.plain : this.#entryOf(topic);
    const form = entry?.decoder.common;
    if (form !== undefined && !entry!.hasEnvelope) {
      const known = this.#known.find(form, payload);
      if (known !== undefined) {
        const { partition, timeAt } = known;
        this.#addReading(group, partition, partition.day + form.secondOfDay(payload, timeAt), payload);
        noteTaken(group, entry!);
        return;
      }
    }
    this.#addByEntry(group, entry, { topic, payload, delivery, origin });
  }

  /** Goes by other topics from the next message on. */
  take(topics: Topics): void {
    this.#topics = topics;
    this.#alsoTaken = undefined;
    this.forget();
  }

  /** Takes what these topics take and the present ones do not, until `take`; undefined: not any more. */
  alsoTake(topics: Topics | undefined): void {
    this.#alsoTaken = topics;
  }

  #entryOf(topic: string | Buffer): TopicEntry | undefined {
    return this.#topics.find(topic) ?? this.#alsoTaken?.find(topic);
  }

  /** Adds what its source has judged itself, and cannot use. */
  reject(group: Group, topic: string, payload: Buffer, reason: Rejection): void {
    this.#reject(group, PLAIN, { topic, payload, delivery: 0, origin: undefined }, reason);
  }

  /** Forgets which payload goes where. */
  forget(): void {
    this.#known.clear();
  }

  #addByEntry(group: Group, entry: TopicEntry | undefined, message: Message): void {
    if (entry === undefined)
      this.#reject(group, NO_ENTRY, message, 'no entry of the topics file takes this topic');
    else if (entry.ignore || !this.#isWanted(entry, message)) group.ignored++;
    else if (entry.hasEnvelope) this.#addEnvelope(group, entry, message);
    else this.#addPlain(group, entry, message);
  }

  /** Whether a message that the broker had kept is taken: no reconnect makes a new reading of an old one. */
  #isWanted({ retained, hasOwnTime }: TopicEntry, { topic, payload, delivery }: Message): boolean {
    if (!isRetained(delivery)) return true;
    if (retained === 'skip' || hasOwnTime) return retained === 'take';
    return !this.#files.isLast(topic.toString(), payload, this.#now() * 1000);
  }

  #addPlain(group: Group, entry: TopicEntry, message: Message): void {
    const { decoder } = entry;
    const { topic, payload } = message;
    const now = this.#now();
    const readings = decoder.decode(topic.toString(), payload, now * 1000);
    const reading = typeof readings === 'string' ? readings : (readings[0] ?? 'holds no reading');
    if (typeof reading === 'string') {
      if (reading === AHEAD) this.#clock?.noteRejected(now);
      this.#reject(group, entry.name, message, reading, now);
      return;
    }
    const { sensorId, time } = reading;
    const partition = this.#watermarks.partitionOf(this.#names.ofReading(sensorId, time), sensorId);
    this.#addReading(group, partition, Math.floor(time / 1e6), rawLine(payload));
    noteTaken(group, entry);
    if (decoder.common !== undefined) this.#known.learn(decoder.common, payload, reading, partition, now);
  }

  #addReading(group: Group, partition: Partition, second: number, line: Buffer): void {
    const { file } = partition;
    this.#clock?.note(second, group.clock);
    const doubt = this.#watermarks.note(partition, second, Math.floor(group.clock / 1000));
    if (doubt !== undefined) {
      const offset = group.files.get(file)?.bytes.length ?? 0;
      group.lateChecks.push({ partition, offset, second, ...doubt });
    }
    group.add(file, line);
    group.recorded++;
  }

  #addEnvelope(group: Group, entry: TopicEntry, message: Message): void {
    const { decoder, hasOwnTime, retained } = entry;
    const { payload, delivery, origin } = message;
    const bytes = origin?.payloadBytes ?? payload.length;
    if (bytes > MAX_PAYLOAD_BYTES) {
      this.#reject(group, entry.name, message, `larger than ${MAX_PAYLOAD_BYTES} bytes`);
      return;
    }
    const topic = message.topic.toString();
    const arrival = origin?.arrival ?? this.#arrivals.next(this.#now());
    const line = writeEnvelope({
      arrival,
      topic,
      payload,
      qos: qosOf(delivery),
      retain: isRetained(delivery),
      // Only what has no time of its own needs to be told from the same message, sent again.
      ...(hasOwnTime ? {} : identityOf(delivery, origin)),
      notes: notesOf(decoder, topic, payload),
    });
    group.add(this.#files.pathOf(topic, arrival), line);
    if (!this.#hourly) this.#files.note(topic, payload);
    else if (retained === 'take' && !hasOwnTime) this.#files.noteInHour(topic, payload, arrival);
    group.recorded++;
    noteTaken(group, entry);
  }

  #reject(
    group: Group,
    entry: string,
    { topic, payload, origin }: Message,
    reason: Rejection,
    now = this.#now(),
  ): void {
    const line = rejectedLine(topic.toString(), payload, reason, now, origin?.payloadBytes);
    group.add(this.#names.rejectedFile(now * 1000), line);
    group.rejected.add(entry, reason);
  }
}

/** Counts a recorded message by its entry; plain messages, which are the most, are what is left of all. */
function noteTaken({ taken }: Group, { name }: TopicEntry): void {
  if (name !== PLAIN) taken.set(name, (taken.get(name) ?? 0) + 1);
}

/** What tells a message from others: QoS 0 has no packet identifier, and is never sent again. */
function identityOf(delivery: Delivery, origin: Origin | undefined) {
  const packetId = packetIdOf(delivery);
  return packetId === 0 ? {} : { dup: isRepeated(delivery), packetId, session: origin?.session };
}

/** What a format adds to the line. A message is recorded whatever it holds: a format that fails at it fails again, and is reported, when it is decoded. */
function notesOf(decoder: Decoder, topic: string, payload: Buffer) {
  try {
    return decoder.annotate?.(topic, payload);
  } catch {
    return undefined;
  }
}
