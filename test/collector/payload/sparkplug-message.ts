import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';

const schema = join(import.meta.dirname, '../../../collector/payload/formats/sparkplug.proto');
const type = protobuf.parse(readFileSync(schema, 'utf8'), { keepCase: true }).root.lookupType('Payload');

/** A Sparkplug B payload. Field names are those of the specification. */
export function sparkplugMessage(payload: {
  timestamp?: number;
  seq?: number;
  metrics?: Record<string, unknown>[];
}): Buffer {
  return Buffer.from(type.encode(type.fromObject(payload)).finish());
}
