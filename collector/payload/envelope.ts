import { isUtf8 } from 'node:buffer';
import { formatTime, type Micros, parseTime, utc } from '../../base/time.ts';
import type { Notes } from './decoder.ts';
import type { Rejection } from './reading.ts';

/** A message as it came, before anybody understood it: a line of a raw file of a topic. */
export interface Envelope {
  arrival: Micros;
  topic: string;
  /** The bytes that came; of JSON, line breaks between tokens have become spaces. */
  payload: Buffer;
  qos?: number | undefined;
  /** Whether the broker had kept the message from before the subscription. */
  retain?: boolean | undefined;
  /** Whether the broker says that it may have sent the message before. */
  dup?: boolean | undefined;
  packetId?: number | undefined;
  /** Tells packet identifiers of different sessions apart. */
  session?: string | undefined;
  /** What the format's `annotate` said. */
  notes?: Notes | undefined;
}

// What follows stands in the header nowhere else: in a text the quotation mark would be escaped, and notes have no such space.
const PAYLOAD = ', "payload';
const AS_BASE64 = '_base64": "';
/** Bytes that JSON may begin with, but for texts. Others are spared the exception of JSON.parse, which is dear. */
const jsonBegins = /^[\s{[\d\-tfn]/;
const lineBreak = /[\r\n]/g;
const NO_BYTES = Buffer.alloc(0);

/**
 * An envelope as a line, without its line end: `{"received_at": "2025-11-12T10:15:01.123456Z", "topic": "a/b", "qos": 1,
 * "retain": true, "dup": true, "packet_id": 7, "session": "…", "notes": {…}, "payload": …}`. What is undefined or false is
 * left out. The payload stands there verbatim where it is JSON (so numbers keep their digits), but for a JSON string; as
 * text, in a JSON string, where it is UTF-8; else as `payload_base64`.
 */
export function writeEnvelope(envelope: Envelope): Buffer {
  const { arrival, topic, payload, qos, retain, dup, packetId, session, notes } = envelope;
  let line = envelopeHead(arrival, topic);
  if (qos !== undefined) line += `, "qos": ${qos}`;
  if (retain) line += ', "retain": true';
  if (dup) line += ', "dup": true';
  if (packetId !== undefined) line += `, "packet_id": ${packetId}`;
  if (session !== undefined) line += `, "session": ${JSON.stringify(session)}`;
  if (notes !== undefined) line += `, "notes": ${JSON.stringify(notes)}`;
  return Buffer.from(`${line}${PAYLOAD}${payloadText(payload)}}`);
}

/** How the line of a message begins. */
export function envelopeHead(arrival: Micros, topic: string): string {
  return `{"received_at": "${formatTime(arrival)}", "topic": ${JSON.stringify(topic)}`;
}

/*
 * The header that most lines have. One expression reads it at a third of the cost of JSON.parse; what it does not match, such as a
 * topic with an escape in it, or notes, is parsed.
 */
const usualHeader =
  /^\{"received_at": "([\dT:.-]+Z)", "topic": "([^"\\]*)"(?:, "qos": ([012]))?(, "retain": true)?(, "dup": true)?(?:, "packet_id": (\d{1,5}))?(?:, "session": "([^"\\]*)")?$/;

/** Reads a line of `writeEnvelope`; a reason where it is not one. @param line without its line end; the payload may be a part of it. */
export function readEnvelope(line: Buffer): Envelope | Rejection {
  const text = line.toString('utf8');
  const at = text.indexOf(PAYLOAD);
  if (at < 0 || !text.endsWith('}')) return 'not an envelope';
  try {
    const header = text.slice(0, at);
    const match = usualHeader.exec(header);
    const read = match === null ? parsedHeader(header) : matchedHeader(match);
    if (read === undefined) return 'not an envelope';
    const start = at + PAYLOAD.length;
    read.payload = payloadIn(line, text, start);
    return read;
  } catch {
    return 'not an envelope';
  }
}

/** An envelope without its payload. */
function matchedHeader(match: RegExpExecArray): Envelope | undefined {
  const [, receivedAt, topic, qos, retain, dup, packetId, session] = match;
  const arrival = parseTime(receivedAt!, utc);
  if (arrival === undefined) return undefined;
  const envelope: Envelope = { arrival, topic: topic!, payload: NO_BYTES };
  if (qos !== undefined) envelope.qos = Number(qos);
  if (retain !== undefined) envelope.retain = true;
  if (dup !== undefined) envelope.dup = true;
  if (packetId !== undefined) envelope.packetId = Number(packetId);
  if (session !== undefined) envelope.session = session;
  return envelope;
}

function parsedHeader(text: string): Envelope | undefined {
  const header = JSON.parse(`${text}}`) as Record<string, unknown>;
  const arrival = typeof header.received_at === 'string' ? parseTime(header.received_at, utc) : undefined;
  if (arrival === undefined || typeof header.topic !== 'string') return undefined;
  const envelope: Envelope = { arrival, topic: header.topic, payload: NO_BYTES };
  if (header.qos !== undefined) envelope.qos = header.qos as number;
  if (header.retain === true) envelope.retain = true;
  if (header.dup === true) envelope.dup = true;
  if (header.packet_id !== undefined) envelope.packetId = header.packet_id as number;
  if (header.session !== undefined) envelope.session = header.session as string;
  if (header.notes !== undefined) envelope.notes = header.notes as Notes;
  return envelope;
}

/** The payload that stands in a line from character `start` on: a part of the line where it stands there verbatim. */
function payloadIn(line: Buffer, text: string, start: number): Buffer {
  // As many characters as bytes: all are ASCII, and stand at the same places.
  const isAscii = text.length === line.length;
  if (isAscii && text.startsWith('": ', start) && text[start + 3] !== '"') {
    return line.subarray(start + 3, line.length - 1);
  }
  return payloadOf(text.slice(start, -1));
}

/** What follows `"payload`: `": 25`. */
function payloadText(payload: Buffer): string {
  if (isUtf8(payload)) {
    const text = payload.toString('utf8');
    if (isJson(text)) return `": ${text.replace(lineBreak, ' ')}`;
    const quoted = JSON.stringify(text);
    // Bytes that happen to be UTF-8, mostly control characters, would be six times as long.
    if (quoted.length <= 2 * text.length + 64) return `": ${quoted}`;
  }
  return `${AS_BASE64}${payload.toString('base64')}"`;
}

function payloadOf(text: string): Buffer {
  if (text.startsWith(AS_BASE64)) return Buffer.from(text.slice(AS_BASE64.length, -1), 'base64');
  if (!text.startsWith('": ')) throw new SyntaxError('no payload');
  const value = text.slice(3);
  return Buffer.from(value.startsWith('"') ? JSON.parse(value) : value);
}

/** Whether a payload is JSON, and more than a string: that would be taken for text. */
function isJson(text: string): boolean {
  if (!jsonBegins.test(text) || /^\s*"/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
