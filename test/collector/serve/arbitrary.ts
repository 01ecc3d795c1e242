import fc from 'fast-check';

/** What a JSON Schema of our description may hold. */
export interface Schema {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  example?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
}

/** Words that have made trouble somewhere. */
const odd = fc.constantFrom(
  '',
  ' ',
  '\0',
  '%',
  '%00',
  '../..',
  "'; DROP TABLE silver.sensor; --",
  '__proto__',
  'null',
  '-1',
  '1e999',
  '9'.repeat(400),
  '\u{1F600}'.repeat(60),
  '\uD800',
  '0000-01-01',
  '9999-12-31T23:59:60.999999999Z',
  '2022-04-14',
  '2022-04-15T10:00:00+99:99',
  'Voltage',
);

/** A value as a schema asks for it, mostly; its example, now and then; or something else altogether. */
export function valueFor(schema: Schema = {}): fc.Arbitrary<unknown> {
  const asked = { weight: 5, arbitrary: asAsked(schema) };
  const example = { weight: 3, arbitrary: fc.constant(schema.example ?? 'Voltage') };
  const other = { weight: 2, arbitrary: fc.oneof(odd, fc.jsonValue({ maxDepth: 3 })) };
  return fc.oneof(asked, example, other);
}

function asAsked(schema: Schema): fc.Arbitrary<unknown> {
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(valueFor));
  switch (schema.type) {
    case 'integer':
      return fc.integer({
        min: schema.minimum ?? schema.exclusiveMinimum ?? 0,
        max: Math.min(schema.maximum ?? 1000, 1e6),
      });
    case 'number':
      return fc.double();
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(valueFor(schema.items), { maxLength: 5 });
    case 'object': {
      const properties = Object.entries(schema.properties ?? {}).map(([name, property]) => [
        name,
        valueFor(property),
      ]);
      return fc.record(Object.fromEntries(properties), { requiredKeys: [] });
    }
    default:
      return fc.oneof(odd, fc.string({ unit: 'grapheme', maxLength: 60 }));
  }
}

/** A value as the text that stands in a URL, a header or a body. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
