import type { Memory } from './memory.ts';
import { messageText, parseJson } from './message-text.ts';

/** What a device says of a property. */
export interface Property {
  unit?: string;
  datatype?: string;
  name?: string;
}

/** Devices can be made up endlessly: what is not kept costs units only. */
const MOST_PROPERTIES = 20_000;
const MOST_CHARACTERS = 200;
/** Before the keys in the memory, which are the topics of properties. */
const KEY = 'homie ';
/** By the attribute of version 4, which the fields of a description in version 5 are named like. */
const FIELDS = { $unit: 'unit', $datatype: 'datatype', $name: 'name' } as const;

/** Remembers what Homie's devices have said of their properties, across restarts. */
export class HomieProperties {
  readonly #memory: Memory;
  #count: number | undefined;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** What is known of a property. @param topic of its values. */
  of(topic: string): { [key in keyof Property]: string } | undefined {
    return this.#memory.kept.get(KEY + topic) as Property | undefined;
  }

  /** Takes in an attribute: `$unit` of a property. */
  say(topic: string, attribute: string, payload: Buffer): void {
    const field = FIELDS[attribute as keyof typeof FIELDS];
    const message = messageText(payload);
    if (field === undefined || typeof message === 'string') return;
    this.#keep(topic, { ...this.of(topic), [field]: message.text.slice(0, MOST_CHARACTERS) });
  }

  /** Takes in a description: `{"nodes": {"engine": {"properties": {"speed": {"unit": "km/h", "datatype": "float"}}}}}`. */
  describe(device: string, payload: Buffer): void {
    const message = messageText(payload);
    const parsed = typeof message === 'string' ? message : parseJson(message.text);
    if (typeof parsed === 'string') return;
    for (const [node, { properties }] of entries(entry(parsed.json).nodes)) {
      for (const [property, said] of entries(properties)) {
        const known: Property = {};
        for (const field of Object.values(FIELDS)) {
          const text = said[field];
          if (typeof text === 'string') known[field] = text.slice(0, MOST_CHARACTERS);
        }
        this.#keep(`${device}/${node}/${property}`, known);
      }
    }
  }

  #keep(topic: string, said: Property): void {
    const { kept } = this.#memory;
    this.#count ??= [...kept.keys()].filter(key => key.startsWith(KEY)).length;
    if (!kept.has(KEY + topic)) {
      if (this.#count >= MOST_PROPERTIES) return;
      this.#count++;
    }
    this.#memory.keep(KEY + topic, said);
  }
}

type Entry = Readonly<Record<string, unknown>>;

function entry(value: unknown): Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Entry) : {};
}

function entries(value: unknown): [string, Entry][] {
  return Object.entries(entry(value)).map(([key, one]) => [key, entry(one)]);
}
